"""The judge: protocols as locked data, and one run."""

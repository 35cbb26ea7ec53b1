"""Soft labels for images: teacher pools, and what labels cost."""

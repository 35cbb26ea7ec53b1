"""The engine that the optimisation-based methods share, and the selector of real crops."""

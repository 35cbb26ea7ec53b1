"""The verbs of `rd3`."""

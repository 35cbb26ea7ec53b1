"""One file per format that rd3 writes; each registers itself."""

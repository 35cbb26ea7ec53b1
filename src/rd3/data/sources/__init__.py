"""One file per family of targets. A file that is put here adds its names to `rd3 list targets`."""

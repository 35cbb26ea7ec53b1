"""One file per family of networks; importing a file registers its names."""

"""One file per format of distilled data sets."""

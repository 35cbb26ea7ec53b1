"""What every room stands on: errors, specs, registries, seeds and safe files. Imports no torch."""

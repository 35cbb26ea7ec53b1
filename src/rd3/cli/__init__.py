"""The command line: one short file per verb, found by its name."""

from rd3.cli.main import main

__all__ = ["main"]

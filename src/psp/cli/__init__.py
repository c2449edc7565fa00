"""The command line: one file per verb."""

from psp.cli.main import main

__all__ = ["main"]

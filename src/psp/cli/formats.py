"""`psp formats`."""

from psp.cli.console import print_table
from psp.io.base import READERS


def formats() -> None:
    """List the formats of recordings that are read, with their files."""
    print_table("formats", ("name", "files"), [(name, spec.description) for name, spec in READERS.items()])

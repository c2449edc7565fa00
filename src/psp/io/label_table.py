"""Tables of labels in any known form, as lines of facts."""

from pathlib import Path

from psp.io.facts import FactTable, read_facts


def read_label_table(path: Path) -> FactTable:
    """Return the lines of a table of facts."""
    return read_facts(path)

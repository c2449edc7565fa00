"""`psp check`."""

from pathlib import Path

from psp.cli.console import print_table
from psp.dataset.check import check_store
from psp.dataset.store import open_store


def check(store: Path) -> None:
    """Compare a stored data set with its hashes and sum it up.

    Args:
        store: a folder written by 'psp prepare'
    """
    facts = check_store(open_store(store))
    classes = facts.pop("clips per class")
    print_table(f"{store}: every file is what was written", ("what", "value"), list(facts.items()))
    print_table("clips per class", ("class", "clips"), list(classes.items()))

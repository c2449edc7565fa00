"""The folder of a labelling: its journal, and the labels and the split that training reads."""

import csv
import getpass
import io
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from psp.config.json_file import read_json
from psp.dataset.id_table import read_id_table
from psp.dataset.split import Split, write_split
from psp.dataset.store import Store
from psp.errors import BudgetError, ConfigError, DestinationError
from psp.files import destination_lock, write_atomically, write_json
from psp.label.journal import Entry, Journal, Labels, labels_of, last_of

FILE = "file"
"""How labels of a CSV file are named in the journal."""


class LabelFolder:
    """The labels of the training clips of a split, kept in a folder that one process writes.

    The folder holds `journal.jsonl`, everything that was done; `labels.csv`, the labels as `psp train --labels` reads
    them; and `split.json`, the split without the rejected clips. The labels in the data set itself belong to them and
    cannot be changed. DestinationError if the folder is that of another data set or split, if another process holds it,
    or if `labels.csv` was changed by hand.
    """

    def __init__(self, path: Path, store: Store, split: Split) -> None:
        self.path, self.store, self.split = path, store, split
        labels = store.clips.label[split.train_index(store)].tolist()
        self.fixed = {name: store.classes[k] for name, k in zip(split.train, labels, strict=True) if k >= 0}
        self._clips = frozenset(split.train)
        self._stack = ExitStack()
        self._stack.enter_context(destination_lock(path))
        try:
            path.mkdir(exist_ok=True)
            self._check_facts()
            self.journal = Journal(path / "journal.jsonl")
            self._check_table()
        except BaseException:
            self._stack.close()
            raise
        self._update()

    def close(self) -> None:
        """Let other processes write the folder."""
        self._stack.close()

    @property
    def table(self) -> Path:
        """The labels as a CSV file with the columns id and label."""
        return self.path / "labels.csv"

    @property
    def known(self) -> Mapping[str, str]:
        """The label of every labelled clip."""
        return self._known

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the data set, then those that were added, in the order in which they first occurred."""
        added = dict.fromkeys(each.label for each in self.journal.entries if each.label is not None)
        return (*self.store.classes, *(name for name in added if name not in self.store.classes))

    def add(self, entry: Entry) -> None:
        """Append an entry to the journal and write the labels; ConfigError for labels of the data set."""
        fixed = next((name for name in entry.clips if name in self.fixed), None)
        if fixed is not None:
            remedy = "Correct it in the recordings and prepare them again."
            raise ConfigError("the clip has its label in the data set.", where=fixed, remedy=remedy)
        self.journal.append(entry)
        self._update()

    def undo(self, by: str) -> Entry | None:
        """Withdraw the last entry of a person and return it, None if there is none."""
        position = last_of(self.journal.entries, by)
        if position is None:
            return None
        self.add(Entry("undo", by=by, undone=position))
        return self.journal.entries[position]

    def take_up(self, path: Path) -> int:
        """Add the labels of a CSV file for clips without a label, and return how many."""
        lines = read_id_table(path, "label", self.store, BudgetError, required=True)
        found: dict[str, list[str]] = {}
        for name, label in dict(lines).items():
            if label and name in self._clips and name not in self.known:
                found.setdefault(label, []).append(name)
        for label, names in found.items():
            self.add(Entry("label", tuple(names), label, by=getpass.getuser(), how=FILE))
        return sum(map(len, found.values()))

    def write_split(self) -> Path:
        """Write the split without the rejected clips and return its path."""
        path, rejected = self.path / "split.json", self.labels.rejected
        write_split(replace(self.split, train=tuple(each for each in self.split.train if each not in rejected)), path)
        return path

    def _update(self) -> None:
        self.labels: Labels = labels_of(self.journal.entries)
        self._known = {**self.fixed, **self.labels.label}
        write_atomically(self.table, lambda path: path.write_text(_as_csv(self._known), encoding="utf-8", newline=""))

    def _check_facts(self) -> None:
        path, facts = self.path / "labelling.json", {"store": self.store.fingerprint, "split": self.split.hash}
        if not path.exists():
            if any(self.path.iterdir()):
                remedy = "Choose another folder with --out."
                raise DestinationError("the folder holds other files.", where=str(self.path), remedy=remedy)
            write_json(path, facts)
        elif read_json(path, {str: str}, DestinationError, "Restore it, or choose another folder with --out.") != facts:
            what = "these are the labels of another data set or of another split."
            raise DestinationError(what, where=str(self.path), remedy="Choose another folder with --out.")

    def _check_table(self) -> None:
        """Raise DestinationError for a table that is neither that of the journal nor that without its last entry."""
        if not self.table.exists():
            return
        text, entries = self.table.read_text(encoding="utf-8"), self.journal.entries
        usual = (_as_csv({**self.fixed, **labels_of(known).label}) for known in (entries, entries[:-1]))
        if text not in usual:
            remedy = "Rename it and give it with --labels, which takes up its labels."
            raise DestinationError("the file was changed by hand.", where=str(self.table), remedy=remedy)


def _as_csv(labels: Mapping[str, str]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("id", "label"))
    table.writerows(sorted(labels.items()))
    return text.getvalue()

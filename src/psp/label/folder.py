"""The folder of a labelling: its journal, and the labels and the split that training reads."""

import csv
import io
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from psp.config.json_file import read_json
from psp.dataset.id_table import read_label_lines
from psp.dataset.split import Split, write_split
from psp.dataset.store import Store, check_classes
from psp.errors import BudgetError, ConfigError, DestinationError
from psp.files import destination_lock, write_atomically, write_json
from psp.label.journal import Entry, Journal, Labels, labels_of, last_of, user_name

BEHIND = 50
"""How many entries of the journal a table may lack, because the disk was full or the process killed."""

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
        self._left_out: frozenset[str] | None = None
        self._stack = ExitStack()
        self._stack.enter_context(destination_lock(path))
        try:
            path.mkdir(exist_ok=True)
            self._check_facts()
            self.journal = Journal(path / "journal.jsonl")
            self._check_table()
            self._update()
        except BaseException:
            self._stack.close()
            raise

    def close(self) -> None:
        """Let other processes write the folder."""
        self._stack.close()

    @property
    def table(self) -> Path:
        """The labels as a CSV file with the columns id and label."""
        return self.path / "labels.csv"

    @property
    def split_file(self) -> Path:
        """The split without the rejected clips, as JSON."""
        return self.path / "split.json"

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
        """Append an entry to the journal and write the labels and the split; ConfigError for labels of the data set.

        After an OSError the entry counts if it is in the journal; the next one writes the other files too.
        """
        fixed = next((name for name in entry.clips if name in self.fixed), None)
        if fixed is not None:
            remedy = "Correct it in the recordings and prepare them again."
            raise ConfigError("the clip has its label in the data set.", where=fixed, remedy=remedy)
        self.journal.append(entry)
        self._update()

    def require_free(self, entry: Entry, since: int) -> None:
        """Raise ConfigError if another person labelled or rejected a clip of an entry since the position `since`."""
        given, entries = self.labels.given, self.journal.entries
        last = [entries[given[clip]] for clip in entry.clips if given.get(clip, -1) >= since]
        other = next((each for each in last if each.by != entry.by and each.act != "skip"), None)
        if other is not None:
            what = f"a clip has meanwhile been labelled {other.label or 'not an action'!r} by {other.by}."
            raise ConfigError(what, remedy="That label is kept; go on with the clips that are left.")

    def undo(self, by: str, since: int = 0) -> Entry | None:
        """Withdraw the last entry of a person, from the position `since`, and return it, None if there is none."""
        position = last_of(self.journal.entries, by, since)
        if position is None:
            return None
        self.add(Entry("undo", by=by, undone=position))
        return self.journal.entries[position]

    def take_up(self, path: Path) -> int:
        """Add the labels of a CSV file for clips that were never labelled or rejected here, and return how many.

        BudgetError if the file cannot be read or gives a clip two labels, StoreError for an impossible name of a class.
        """
        decided = (each.clips for each in self.journal.entries if each.act != "skip")
        open, found = self._clips.difference(self.fixed, *decided), dict[str, list[str]]()
        for name, label in _labels_in(path, self.store).items():
            if name in open:
                found.setdefault(label, []).append(name)
        for label, names in found.items():
            self.add(Entry("label", tuple(names), label, by=user_name(), how=FILE))
        return sum(map(len, found.values()))

    def _update(self) -> None:
        """Write the labels, and the split if other clips are rejected than it says."""
        self.labels: Labels = labels_of(self.journal.entries)
        self._known = {**self.fixed, **self.labels.label}
        write_atomically(self.table, lambda path: path.write_text(_as_csv(self._known), encoding="utf-8", newline=""))
        rejected = self.labels.rejected
        if rejected != self._left_out:
            train = tuple(each for each in self.split.train if each not in rejected)
            write_split(replace(self.split, train=train), self.split_file)
            self._left_out = rejected

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
        """Raise DestinationError for a table that is not that of the journal, or of all but its last entries."""
        if not self.table.exists():
            return
        text, entries = self.table.read_text(encoding="utf-8", errors="replace"), self.journal.entries
        known = (entries[:end] for end in range(len(entries), max(-1, len(entries) - BEHIND), -1))
        if not any(text == _as_csv({**self.fixed, **labels_of(each).label}) for each in known):
            remedy = "Rename it and give it with --labels, which takes up its labels."
            raise DestinationError("the file was changed by hand.", where=str(self.table), remedy=remedy)


def _labels_in(path: Path, store: Store) -> dict[str, str]:
    """Return the labels of a CSV file, checked as training checks them."""
    found: dict[str, str] = {}
    for name, label in read_label_lines(path, store, BudgetError, required=True):
        if label and found.setdefault(name, label) != label:
            what = f"clip {name!r} has the labels {found[name]!r} and {label!r}."
            raise BudgetError(what, where=str(path), remedy="Keep the correct line.")
    check_classes(list(dict.fromkeys(found.values())))
    return found


def _as_csv(labels: Mapping[str, str]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("id", "label"))
    table.writerows(sorted(labels.items()))
    return text.getvalue()

"""What to label next, and the networks that are trained in the background on the labels given so far."""

import threading
import time
from collections.abc import Container, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float

from psp.errors import ConfigError, PSPError
from psp.evaluate.trained import open_trained
from psp.label.estimate import Answers, Growth, estimated_growth
from psp.label.features import Recognised, joint_features, recognise, require_memory_of_features
from psp.label.folder import LabelFolder
from psp.label.groups import sure_groups
from psp.label.journal import Entry
from psp.label.proposal import Lease, Proposal
from psp.label.rounds import Rounds
from psp.label.select import Criterion, How, Pool, clusters, propose

BATCH, LOW, WAIT = 10, 6, 10.0
"""Proposals that are computed together, the number below which more are computed, and seconds to wait for one."""

AWAY = 600.0
"""Seconds after which clips that a browser was given are given to others."""

LIKELY, CLUSTERS = 0.5, 4
"""The probability from which a class is suggested, and clusters per class among which groups are formed."""

QUERIES = ("random", "centre", "typical", "margin")


class Session:
    """The proposals and trainings of a labelling; all methods may be called by several threads.

    A network is trained after every `every` labels, and then proposals are made from what it says. `version` changes
    with everything that a page shows. As a context manager it ends a training, which the next session continues.
    """

    def __init__(
        self, folder: LabelFolder, rounds: Rounds, select: Criterion = "typical", every: int = 20, seed: int = 0
    ) -> None:
        self.folder, self.rounds, self.select, self.every, self.seed = folder, rounds, select, every, seed
        self.ids = folder.split.train
        self.row = {name: row for row, name in enumerate(self.ids)}
        self.index = folder.split.train_index(folder.store)
        require_memory_of_features(folder.store, self.index)
        self.changed = threading.Condition(threading.RLock())
        self.version, self.round = 0, 0
        self.recognised: Recognised | None = None
        self.answers: dict[int, Answers] = {}
        self._features: Float[np.ndarray, "n d"] | None = None
        self._queue: list[Proposal] = []
        self._leases: dict[str, Lease] = {}
        self._asked = sum(each.how in QUERIES for each in folder.journal.entries)
        self._begun = len(folder.journal)
        self._grouped: dict[int, int] = {}
        self._tried, self._tried_with = set[int](), 0
        self._stopping = False
        self._worker = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> "Session":
        for number in self.rounds.finished:
            found = self.rounds.kept(number)
            if found is not None and len(found.features) == len(self.ids):
                self._use(number, found)
        self.rounds.resume()
        self._worker.start()
        return self

    def __exit__(self, *error: object) -> None:
        with closing(self.folder):
            try:
                with self.changed:
                    self._stopping = True
                    self.changed.notify_all()
                self._worker.join()
            finally:
                self.rounds.stop()

    def next(self, browser: int, count: int) -> list[Proposal]:
        """Return up to `count` proposals for a browser, which no other browser gets; it waits for the first one."""
        end = time.monotonic() + WAIT
        with self.changed:
            while not (own := self._lend(browser, count)) and self.open().any() and time.monotonic() < end:
                self.changed.wait(1.0)
            return own

    def add(self, browser: int, entry: Entry, seen: int | None = None) -> None:
        """Record what a browser says of clips, with the network that proposed them and how they were chosen.

        `seen` is the number of entries of the journal whose labels the page showed, by default those of earlier
        sessions. ConfigError if another person labelled or rejected one of the clips after them.
        """
        with self.changed:
            self.folder.require_free(entry, self._begun if seen is None else seen)
            lease = self._leases.get(entry.clips[0]) if len(entry.clips) == 1 else None
            entry = replace(entry, round=self._grouped.get(browser, self.round) if entry.how == "group" else self.round)
            if lease is not None and entry.how == "chosen":
                entry = replace(entry, how=lease.proposal.how, round=lease.proposal.round)
            self.folder.add(entry)
            for clip in entry.clips:
                self._leases.pop(clip, None)
            self.notify()

    def undo(self, browser: int, by: str) -> Entry | None:
        """Withdraw the last entry of a person in this session.

        A single clip is proposed to the browser again, as it was before.
        """
        with self.changed:
            entry = self.folder.undo(by, self._begun)
            if entry is not None and len(entry.clips) == 1 and entry.how in QUERIES:
                how: How = entry.how  # type: ignore[assignment]
                proposal = replace(self._proposal(entry.clips[0], how), round=entry.round)
                again = Lease(proposal, browser, time.monotonic())
                self._leases = {entry.clips[0]: again, **self._leases}
            self.notify()
            return entry

    @property
    def until_training(self) -> int:
        """The number of labels after which a training begins by itself, counted from the last one, failed or not."""
        begun = self.rounds.begun
        before = len(self.rounds.trained_on(begun[-1])) if begun else 0
        return max(0, max(before, self._tried_with) + self.every - len(self.folder.known))

    def train(self) -> None:
        """Begin a training with the present labels; ConfigError if that is not possible."""
        with self.changed:
            if len(set(self.folder.known.values())) < 2:
                raise ConfigError("a network needs two classes.", remedy="Label clips of a second class first.")
            self.rounds.start(self.folder.table, self.folder.split_file)
            self.notify()

    def group(self, browser: int, number: int) -> tuple[str, list[str], int] | None:
        """Return a group of clips in which the recogniser is sure of one class: class, clips, and how many groups.

        A group is a cluster of the features without the clips that other browsers were given; the clips nearest to its
        centre come first. None without a group.
        """
        with self.changed:
            open = self.open() & self._mask(not_in=(self._given_to_others(browser),))
            found = [] if self.recognised is None else sure_groups(self.recognised, self._cluster, open)
            if not found:
                return None
            self._grouped[browser] = self.round
            label, rows = found[number % len(found)]
            return label, [self.ids[row] for row in rows], len(found)

    def growth(self) -> Growth:
        """Return the accuracy estimated from the random queries."""
        with self.changed:
            return estimated_growth(self.folder.journal.entries, self.folder.labels, self.answers)

    def open(self) -> Bool[np.ndarray, "n"]:
        """Return which clips may be proposed; those put off come when browsers were given all others."""
        folder = self.folder
        rest = self._mask(not_in=(folder.known, folder.labels.rejected))
        first = rest & self._mask(not_in=(folder.labels.skipped,))
        return first if (first & self._mask(not_in=(self._leases,))).any() else rest

    def guesses(self) -> Mapping[str, str]:
        """Return the class that the newest network recognises in each clip, none without a network."""
        return self.answers[self.round].recognised if self.round else {}

    def notify(self) -> None:
        """Tell waiting threads and pages that something changed."""
        with self.changed:
            self.version += 1
            self.changed.notify_all()

    def _mask(self, not_in: Sequence[Container[str]]) -> Bool[np.ndarray, "n"]:
        return np.array([not any(name in each for each in not_in) for name in self.ids], dtype=bool)

    def _given_to_others(self, browser: int) -> frozenset[str]:
        """Return the clips that other browsers were given and may still show."""
        since = time.monotonic() - AWAY
        return frozenset(clip for clip, each in self._leases.items() if each.browser != browser and each.at > since)

    def _lend(self, browser: int, count: int) -> list[Proposal]:
        now, open, others = time.monotonic(), self.open(), self._given_to_others(browser)
        usable = {clip: lease for clip, lease in self._leases.items() if open[self.row[clip]]}
        self._leases = {clip: each for clip, each in usable.items() if each.browser == browser or clip in others}
        self._queue = [each for each in self._queue if open[self.row[each.clip]] and each.clip not in self._leases]
        own = [each for each in self._leases.values() if each.browser == browser]
        for proposal in self._queue[: max(0, count - len(own))]:
            self._leases[proposal.clip] = Lease(proposal, browser, now)
            own.append(self._leases[proposal.clip])
            self._queue.remove(proposal)
        for lease in own:
            lease.at = now
        self.changed.notify_all()
        return [each.proposal for each in own[:count]]

    def _proposal(self, clip: str, how: How) -> Proposal:
        if how == "random" or self.recognised is None:
            return Proposal(clip, how, round=self.round)
        own = self.recognised.probabilities[self.row[clip]]
        best = int(own.argmax())
        suggestion = (self.recognised.classes[best], float(own[best])) if own[best] >= LIKELY else None
        return Proposal(clip, how, suggestion, self.round)

    def _work(self) -> None:
        """Take steps until the session ends; a step that fails is shown as a failed training."""
        while not self._stopping:
            try:
                is_idle = not self._step()
            except Exception as error:  # noqa: BLE001 without this thread nothing is proposed any more
                is_idle, message = True, str(error) if isinstance(error, PSPError | OSError) else repr(error)
                if message != self.rounds.message:
                    self.rounds.fail(message)
                    self.notify()
            with self.changed:
                if is_idle and not self._stopping:
                    self.changed.wait(0.3)

    def _step(self) -> bool:
        """Take up a finished training, begin one that is due and compute proposals; return whether there were any."""
        before = self.rounds.state
        done = self.rounds.poll()
        for number in [done] if done else self._missing():
            self._take_up(number)
        if before != self.rounds.state:
            self.notify()
        self._begin_if_due()
        return self._refill()

    def _missing(self) -> list[int]:
        """Return the last finished round if nothing is known of it."""
        finished = self.rounds.finished[-1:]
        return [number for number in finished if number not in (*self.answers, *self._tried)]

    def _take_up(self, number: int) -> None:
        self._tried.add(number)
        run = open_trained(self.rounds.run(number).path, self.folder.store.path, device="cpu")
        found = recognise(run.model, run.maker, self.index, run.stored.config.runtime.precision)
        self.rounds.keep(number, found)
        self._use(number, found)

    def _use(self, number: int, found: Recognised) -> None:
        best = found.probabilities.argmax(axis=1)
        recognised = {name: found.classes[k] for name, k in zip(self.ids, best, strict=True)}
        cluster = clusters(found.features, CLUSTERS * len(found.classes), self.seed)
        with self.changed:
            self.answers[number] = Answers(recognised, self.rounds.trained_on(number))
            self.recognised, self.round, self._features, self._cluster = found, number, found.features, cluster
            self._queue.clear()
            self.notify()

    def _begin_if_due(self) -> None:
        with self.changed:
            is_due = not self.until_training and len(set(self.folder.known.values())) > 1
            if is_due and self.rounds.state != "training" and not self._stopping:
                self._tried_with = len(self.folder.known)
                self.train()

    def _refill(self) -> bool:
        """Compute proposals if there are few; return whether there were any to compute."""
        if self._features is None:
            found = joint_features(self.folder.store, self.index)
            with self.changed:
                self._features = found if self._features is None else self._features
        with self.changed:
            pool, features, asked = self._pool(), self._features, self._asked
            if len(self._queue) >= LOW or not pool.open.any():
                return False
        count = BATCH if asked else max(BATCH, self.every)
        chosen = propose(pool, count, self.select, asked=asked, seed=self.seed)
        with self.changed:
            if self._features is features:
                self._queue += [self._proposal(self.ids[row], how) for row, how in chosen]
                self._asked += len(chosen)
                self.notify()
        return True

    def _pool(self) -> Pool:
        """Return what is known of the clips; those that are proposed already count as labelled, of no certain class."""
        number = {name: position for position, name in enumerate(self.folder.classes)}
        labels = np.array([number.get(self.folder.known.get(name, ""), -1) for name in self.ids], dtype=np.int64)
        waiting = {*self._leases, *(each.clip for each in self._queue)}
        open = self.open() & self._mask(not_in=(frozenset(waiting),))
        assert self._features is not None
        probabilities = None if self.recognised is None else self.recognised.probabilities
        covered = (labels >= 0) | ~self._mask(not_in=(frozenset(waiting),))
        return Pool(self._features, labels, open, probabilities, covered)

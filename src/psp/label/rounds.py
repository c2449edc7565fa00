"""Training in the background: every round is a run folder of `psp train`, in a process of its own."""

import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile

import numpy as np

from psp.dataset.labels import read_labels
from psp.errors import ConfigError, PSPError
from psp.files import is_held, write_atomically
from psp.label.features import Recognised
from psp.train.run_files import read_result
from psp.train.run_folder import RunFolder

NICENESS = 10
"""How much training yields to other programs, from 0 (not at all) to 19."""

State = Literal["idle", "training", "failed"]


class Rounds:
    """The trainings of a labelling, numbered from 1, in the folders `001`, `002`, ... of `folder`.

    `options` are further arguments of `psp train`, which yields to other programs as `niceness` says. What a network
    says of the clips is kept beside its run, in `001.npz`. A training that a killed session left behind goes on; it
    counts as one of this session, but `stop` does not end it.
    """

    def __init__(self, folder: Path, store: Path, options: Sequence[str] = (), niceness: int = NICENESS) -> None:
        self.folder, self.store, self.options, self.niceness = folder, store, list(options), niceness
        self.state: State = "idle"
        self.message = ""
        self.number, self._begun = 0, 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._trained_on: dict[int, frozenset[str]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def run(self, number: int) -> RunFolder:
        """Return the run folder of a round."""
        return RunFolder(self.folder / f"{number:03}")

    @property
    def begun(self) -> list[int]:
        """The rounds whose run folder was written."""
        names = (each.parent.name for each in self.folder.glob("[0-9]*/config.json"))
        return sorted(int(name) for name in names if name.isdecimal())

    @property
    def finished(self) -> list[int]:
        """The rounds whose training is finished."""
        return [number for number in self.begun if self.run(number).result.is_file()]

    @property
    def seconds(self) -> float:
        """The seconds that the present training has taken."""
        return time.monotonic() - self._begun if self.state == "training" else 0.0

    @property
    def last_seconds(self) -> float | None:
        """The seconds that the last finished training took."""
        done = self.finished
        return float(read_result(self.run(done[-1]).result)["seconds"]) if done else None

    def start(self, labels: Path, split: Path) -> None:
        """Begin a round with the labels and the split of these files; ConfigError while another one is trained."""
        if self.state == "training":
            raise ConfigError("a network is being trained.", remedy="Wait until it is finished.")
        number = max(self.begun, default=0) + 1
        names = {"--labels": labels, "--split": split, "--out": self.run(number).path}
        named = [str(part) for pair in names.items() for part in pair]
        self._start(number, [str(self.store), *named, "--new-classes", *self.options])

    def resume(self) -> None:
        """Continue the last round if it was interrupted; if another process still trains it, wait for that."""
        number = max(self.begun, default=0)
        if not number or self.run(number).result.is_file():
            return
        if is_held(self.run(number).path):
            self._set_training(number)
        else:
            self._start(number, [str(self.store), "--resume", str(self.run(number).path)])

    def poll(self) -> int | None:
        """Return the number of the round that has been finished since the last call."""
        if self.state != "training" or self._is_running():
            return None
        process, self._process = self._process, None
        if self.run(self.number).result.is_file() and (process is None or process.returncode == 0):
            self.state, self.message = "idle", ""
            return self.number
        if self._is_running():  # in another process, to which this one left the run
            return None
        self.state = "idle"
        if process is None:
            self.resume()
        else:
            self.fail(self._last_line() or f"psp train ended with the code {process.returncode}.")
        return None

    def fail(self, message: str) -> None:
        """Take up a failure; a training that runs goes on."""
        self.state, self.message = "training" if self.state == "training" else "failed", message

    def stop(self, seconds: float = 20.0) -> None:
        """End a training; its state is saved, and `resume` continues it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.state = "idle"

    def trained_on(self, number: int) -> frozenset[str]:
        """Return the ids of the labelled clips of a round."""
        if number not in self._trained_on:
            self._trained_on[number] = frozenset(read_labels(self.run(number).labels).ids)
        return self._trained_on[number]

    def keep(self, number: int, found: Recognised) -> None:
        """Write what the network of a round says of the clips."""
        classes, probabilities = np.array(found.classes, dtype=str), found.probabilities.astype(np.float16)

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, features=found.features, probabilities=probabilities, classes=classes)

        write_atomically(self.folder / f"{number:03}.npz", write)

    def kept(self, number: int) -> Recognised | None:
        """Return what `keep` wrote, None if there is nothing or it is damaged."""
        try:
            with np.load(self.folder / f"{number:03}.npz", allow_pickle=False) as content:
                classes = tuple(content["classes"].tolist())
                return Recognised(content["features"], content["probabilities"].astype(np.float32), classes)
        except (OSError, ValueError, KeyError, EOFError, NotImplementedError, BadZipFile, zlib.error):
            return None

    def _start(self, number: int, arguments: Sequence[str]) -> None:
        command = [sys.executable, "-m", "psp", "train", *arguments]
        with (self.folder / f"{number:03}.log").open("ab") as log:
            try:
                self._process = subprocess.Popen(  # noqa: S603
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
                )
            except OSError as error:
                raise PSPError(f"training cannot be started ({error}).", remedy="Try it again.") from error
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, self._process.pid, os.getpriority(os.PRIO_PROCESS, 0) + self.niceness)
        self._set_training(number)

    def _set_training(self, number: int) -> None:
        self.number, self.state, self.message, self._begun = number, "training", "", time.monotonic()

    def _is_running(self) -> bool:
        """Return whether the present training goes on, in a process of this session or in another one."""
        return is_held(self.run(self.number).path) if self._process is None else self._process.poll() is None

    def _last_line(self) -> str:
        """Return the last line of the log that is a message of psp."""
        lines = (self.folder / f"{self.number:03}.log").read_text(errors="replace").splitlines()
        return next((line for line in reversed(lines) if line.startswith("psp: ")), "").removeprefix("psp: ")

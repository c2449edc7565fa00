"""Errors that a user can correct: each says what is wrong, where, and the remedy."""


class PSPError(Exception):
    """Base of every error that a user can correct; the command line prints it and ends with exit code 2.

    `what` is the fault in one sentence, `where` the file, line, key or clip it was found in, `remedy` what to do.
    """

    def __init__(self, what: str, *, where: str | None = None, remedy: str | None = None) -> None:
        self.what, self.where, self.remedy = what, where, remedy
        prefix = f"{where}: " if where else ""
        separator = "" if what.endswith("\n") else " "
        suffix = f"{separator}{remedy}" if remedy else ""
        super().__init__(f"{prefix}{what}{suffix}")


class LayoutError(PSPError):
    """A skeleton layout contradicts itself or is not known."""


class RecordingError(PSPError):
    """A recording is damaged, missing or not in the expected format."""


class NobodyError(RecordingError):
    """A recording in which there is no person."""


class StoreError(PSPError):
    """A stored data set is damaged, incomplete or does not contain what was asked for."""


class DestinationError(PSPError):
    """A file or folder to be written exists already or is held by another process."""


class SplitError(PSPError):
    """A split is unknown, names unknown clips or does not fit the data set."""


class BudgetError(PSPError):
    """A label budget cannot be drawn, read or kept."""


class ConfigError(PSPError):
    """A setting has an unknown name or an impossible value."""


class CheckpointError(PSPError):
    """A run folder or a weight file cannot be read or does not fit."""


class TrainingError(PSPError):
    """Training cannot go on, for example because the loss is no longer a finite number."""

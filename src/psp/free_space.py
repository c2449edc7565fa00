"""Free memory and disk, compared with the least that work will need before it begins.

Only lower bounds are compared: what is refused here could not end well. Limits of a container are not known here.
"""

import os
import shutil
from pathlib import Path

from psp.errors import ConfigError, DestinationError

MEMORY = Path("/proc/meminfo")
"""Where Linux says how much memory is available, in kB."""


def require_memory(size: int, what: str, remedy: str, free: int | None = None) -> None:
    """Raise ConfigError if `what` needs `size` bytes and less is free, by default in the memory of this computer."""
    free = free_memory() if free is None else free
    if free is not None and size > free:
        needed = f"{what} needs at least {_in_words(size)} of memory, and {_in_words(free)} are free."
        raise ConfigError(needed, remedy=remedy)


def require_disk(path: Path, size: int, what: str) -> None:
    """Raise DestinationError if `what` needs `size` bytes on the disk of `path`, existing or not, and less is free.

    Also if `path` cannot be written because what would be its folder is a file or does not let anything be written.
    """
    absolute = path.absolute()
    place = next((each for each in (absolute, *absolute.parents) if os.path.exists(each)), None)
    folder = absolute.parent if place == absolute and not absolute.is_dir() else place
    if folder is not None and not (folder.is_dir() and os.access(folder, os.W_OK)):
        fault = "may not be written into" if folder.is_dir() else "is not a folder"
        raise DestinationError(f"{folder} {fault}.", where=str(path), remedy="Choose another path.")
    free = None if place is None else shutil.disk_usage(place).free
    if free is not None and size > free:
        needed = f"{what} needs at least {_in_words(size)} on the disk, and {_in_words(free)} are free."
        raise DestinationError(needed, where=str(path), remedy="Free some space, or write to another disk.")


def free_memory() -> int | None:
    """Return how many bytes programs can still take, or all that there are; None if the system says neither."""
    try:
        lines = (line.split() for line in MEMORY.read_text().splitlines())
        known = {line[0].rstrip(":"): 1024 * int(line[1]) for line in lines}
        return known["MemAvailable"] + known["SwapFree"]
    except (OSError, ValueError, LookupError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _in_words(size: int) -> str:
    return f"{size / 2**30:.3g} GiB" if size >= 2**30 else f"{size / 2**20:.3g} MiB"

"""Numbers as text."""


def counted(number: int, one: str, several: str) -> str:
    """Return a number with a noun in the singular or plural."""
    return f"{number:,} {one if number == 1 else several}"


def share(percent: float) -> str:
    """Return a percentage of a headline: whole, or with one decimal near 0 and 100."""
    return f"{percent:.0f} %" if 1 <= percent <= 99 or percent in (0, 100) else f"{percent:.1f} %"


def duration(seconds: float) -> str:
    """Return a time as seconds, minutes or hours."""
    if seconds < 59.5:
        return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min" if seconds >= 600 else f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def setting(value: object) -> str:
    """Return the value of a setting; those of a list are separated by commas."""
    return ", ".join(map(setting, value)) if isinstance(value, list | tuple) else str(value)

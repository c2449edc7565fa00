"""Settings outside their range are refused where they are made."""

from psp.errors import ConfigError


def require(inside: bool, name: str, value: float, allowed: str) -> None:
    """Raise ConfigError unless the value of the setting `name` lies inside what is `allowed`."""
    if not inside:
        raise ConfigError(f"{value} is out of range.", where=name, remedy=f"Use {allowed}.")

"""Reading of YAML that others may have written: plain values, each written once."""

from typing import Any

import yaml

DAMAGED = (yaml.YAMLError, ValueError, OverflowError, RecursionError)
"""The errors that `load_yaml` raises, such as for impossible dates, numbers of thousands of digits and deep nesting."""


class _PlainLoader(yaml.SafeLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node; an alias is refused, because a few lines of them can stand for billions of values."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*NAME) are not read; write the values out")
        return super().compose_node(parent, index)


def load_yaml(text: str) -> Any:
    """Return the content of a YAML text; one of DAMAGED if it is none, or has aliases."""
    return yaml.load(text, Loader=_PlainLoader)  # noqa: S506

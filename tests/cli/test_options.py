from pathlib import Path
from typing import Literal

import pytest

from psp.cli.options import parser_of


def verb(source: Path, kind: Literal["a", "b"] = "a", some_flag: bool = False, changes: list[str] = []) -> None:  # noqa: B006
    """Do a thing.

    Args:
        source: where from
        kind: which one
        some_flag: whether
        changes: what else
    """


def test_a_signature_becomes_a_parser():
    parser = parser_of(verb)
    found = parser.parse_args(["x", "--kind", "b", "--some-flag", "--changes", "p=1", "q=2"])
    assert found.as_dict() == {"source": Path("x"), "kind": "b", "some_flag": True, "changes": ["p=1", "q=2"]}
    assert parser.parse_args(["x"]).as_dict()["changes"] == []
    assert "where from" in parser.format_help()


def test_a_positional_may_be_optional():
    assert parser_of(verb, ["kind"]).parse_args(["x", "b"]).kind == "b"


def test_a_missing_positional_ends_with_exit_code_2():
    with pytest.raises(SystemExit) as end:
        parser_of(verb).parse_args([])
    assert end.value.code == 2

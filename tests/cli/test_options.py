from pathlib import Path
from typing import Literal

import pytest
from jsonargparse import ArgumentParser

from psp.cli.options import Family, add_verbs, chosen_verb, parser_of


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
    assert parser_of(verb, ["kind"]).parse_args(["x"]).kind == "a"


def test_a_missing_positional_ends_with_exit_code_2():
    with pytest.raises(SystemExit) as end:
        parser_of(verb).parse_args([])
    assert end.value.code == 2


def test_a_list_has_a_type_and_a_default():
    def measure(sizes: list[Literal["a", "b"]] = ["a"]) -> None:  # noqa: B006
        """Measure.

        Args:
            sizes: which
        """

    assert parser_of(measure).parse_args([]).sizes == ["a"]
    assert parser_of(measure).parse_args(["--sizes", "a", "b"]).sizes == ["a", "b"]


def test_a_family_of_verbs_hands_on_to_the_one_that_is_named():
    verbs = {"one": verb, "family": Family("Several.", {"two": verb})}
    parser = ArgumentParser()
    add_verbs(parser, verbs, {"one": ["kind"]})
    assert chosen_verb(verbs, parser.parse_args(["one", "x", "b"]))[1]["kind"] == "b"
    function, options = chosen_verb(verbs, parser.parse_args(["family", "two", "x", "--some-flag"]))
    assert function is verb
    assert options["some_flag"]
    with pytest.raises(SystemExit):
        parser.parse_args(["family"])

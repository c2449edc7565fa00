from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from psp.cli.options import parse_arguments, parser_of
from psp.errors import ConfigError


def command(
    source: Path,
    kind: Literal["a", "b"] = "a",
    some_flag: bool = False,
    changes: list[str] = [],  # noqa: B006
    count: int = 3,
) -> None:
    """Do a thing.

    Args:
        source: where from
        kind: which one
        some_flag: whether
        changes: what else
        count: how many
    """


def test_a_signature_becomes_a_parser():
    parser = parser_of(command, "do")
    found = parse_arguments(parser, ["x", "--kind", "b", "--some-flag", "--changes", "p=1", "q=2", "--changes", "r=3"])
    expected = {"source": Path("x"), "kind": "b", "some_flag": True, "changes": ["p=1", "q=2", "r=3"], "count": 3}
    assert found.as_dict() == expected
    assert parse_arguments(parser, ["x"]).as_dict()["changes"] == []
    text = parser.format_help()
    assert "usage: psp do SOURCE [options]" in text
    assert all(note in text for note in ("Do a thing.", "where from", "how many"))


def test_a_positional_may_be_optional():
    parser = parser_of(command, "do", ["kind"])
    assert parse_arguments(parser, ["x", "b"]).kind == "b"
    assert parse_arguments(parser, ["x"]).kind == "a"
    assert "psp do SOURCE [KIND] [options]" in parser.format_help()


def test_a_list_has_a_type_and_a_default():
    def measure(sizes: list[Literal["a", "b"]] = ["a"]) -> None:  # noqa: B006
        """Measure.

        Args:
            sizes: which
        """

    assert parse_arguments(parser_of(measure, "measure"), []).sizes == ["a"]
    assert parse_arguments(parser_of(measure, "measure"), ["--sizes", "a", "b"]).sizes == ["a", "b"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "source"),
        (["x", "--kin", "b"], "--kin: there is no such option. Did you mean --kind?"),
        (["x", "--kinds=b"], "Did you mean --kind?"),
        (["x", "--count", "many"], "--count"),
        (["x", "--kind", "c"], "--kind"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_remedy(arguments, message):
    with pytest.raises(ConfigError) as error:
        parse_arguments(parser_of(command, "do"), arguments)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_list_replaces_its_default_and_is_gathered_from_pieces() -> None:
    def command(names: list[str] = ["a", "b"]) -> None:  # noqa: B006
        """Do nothing.

        Args:
            names: words
        """

    parser = parser_of(command, "command")
    for arguments, names in (("", ["a", "b"]), ("--names c", ["c"]), ("--names a b --names c", ["a", "b", "c"])):
        assert parse_arguments(parser, arguments.split()).names == names


@dataclass(frozen=True)
class Several:
    """Options.

    Args:
        names: words
    """

    names: tuple[str, ...] = ("a",)
    count: int = 1


@pytest.mark.parametrize("value", ["b,c d", "[b,c d]"])
def test_several_values_are_written_with_commas_or_as_in_yaml(value: str) -> None:
    parser = parser_of(axis, "turn")
    parser.add_argument("--own", type=Several)
    assert parse_arguments(parser, [f"--own.names={value}"]).own.names == ("b", "c d")
    found = parse_arguments(parser, ["--own.names", value, "--own.count", "2"])
    assert (found.own.names, found.own.count) == (("b", "c d"), 2)
    assert parse_arguments(parser, []).own.names == ("a",)
    with pytest.raises(ConfigError, match="expected one argument"):
        parse_arguments(parser, ["--own.names", "--own.count", "2"])


def axis(
    up: Literal["y", "-y"] | None = None,
    shift: int = 0,
    flat: bool = False,
    least_share: float | Literal["auto"] = 0.0,
) -> None:
    """Turn.

    Args:
        up: the axis
        shift: how far
        flat: whether
        least_share: how much
    """


def test_a_value_may_begin_with_a_hyphen() -> None:
    found = parse_arguments(parser_of(axis, "turn"), ["--up", "-y", "--shift", "-3", "--flat"])
    assert (found.up, found.shift, found.flat) == ("-y", -3, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [("--up q", "--up: Expected one of 'y', '-y'. Got value: q. See 'psp turn --help'."),
     ("--least-share x", "--least-share: Expected a float or one of 'auto'. Got value: x. See 'psp turn --help'."),
     ("--shift x", "--shift: Expected a int. Got value: x. See 'psp turn --help'.")],
)  # fmt: skip
def test_a_value_of_another_kind_is_told_from_those_expected(arguments: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_arguments(parser_of(axis, "turn"), arguments.split())
    assert str(error.value) == message

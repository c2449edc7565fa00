"""Text from data is not interpreted by any output."""

import csv
import html
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from psp.text import (
    LONGEST,
    fault_of_name,
    for_csv,
    for_html,
    for_markdown,
    for_picture,
    for_terminal,
    json_for_html,
    printable,
    shortened,
)

any_text = st.text(st.characters(codec=None), max_size=30)


@given(any_text)
def test_what_is_shown_has_no_controls_and_can_be_written(text):
    for clean in (printable(text), for_terminal(text), for_html(text), for_markdown(text), for_csv(text)):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", clean)
        clean.encode("utf-8")


@pytest.mark.parametrize("text", ["jump", "dégagé", "跳ぶ", "می\u200cپرد", "👩‍🚀", "a  b", "　"])
def test_text_of_any_language_stays(text):
    assert printable(text) == text
    assert fault_of_name(f"x{text}") is None


def test_escapes_of_terminals_are_shown_and_lines_kept():
    assert for_terminal("a\x1b]0;title\x07\n\u202eb\udc80\r") == "a\\x1b]0;title\\x07\n\\u202eb\\udc80\\r"


@given(any_text)
def test_markup_is_not_interpreted(text):
    assert html.unescape(for_html(text)) == printable(text)
    assert not set(for_html(text)) & set("<>\"'")
    assert not set(for_markdown(text)) & set("<>")
    assert not re.search(r"(?<!\\)(\\\\)*[`*_|$~\[\]]", for_markdown(text))


@given(st.recursive(any_text, lambda inner: st.lists(inner) | st.dictionaries(any_text, inner), max_leaves=5))
def test_json_cannot_end_its_script(value):
    written = json_for_html(value)
    assert "<" not in written
    assert json.loads(written) == value


@pytest.mark.parametrize(
    "cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", '=HYPERLINK("http://x","y")']
)
def test_no_cell_is_a_formula(cell):
    text = io.StringIO()
    csv.writer(text).writerow([for_csv(cell)])
    (row,) = csv.reader(io.StringIO(text.getvalue()))
    assert row[0].startswith("'")


@pytest.mark.parametrize("text", ["$^$", "$x$", r"\$a$", r"$\frac$", "1 $", "$$$$", "a" * 10**5, "\0", "\udc80", "{}"])
def test_pictures_show_text_as_it_is(text):
    figure = Figure(figsize=(1, 1))
    label = figure.text(0, 0, for_picture(text), fontsize=8)
    figure.savefig(io.BytesIO(), format="png")
    assert label.get_window_extent().width < 2000


def test_long_text_loses_its_middle():
    assert shortened("a" * 50 + "b" * 50, 21) == "a" * 10 + "…" + "b" * 10
    assert shortened("as it is", 8) == "as it is"


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "is empty"),
        (" ", "is empty"),
        ("a" * (LONGEST + 1), "201 characters"),
        ("a\nb", r"\\n"),
        ("\udc80", "udc80"),
    ],
)
def test_names_that_cannot_be_shown_are_refused(name, fault):
    assert re.search(fault, fault_of_name(name))

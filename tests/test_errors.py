import pytest

from psp.errors import PSPError


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a joint is missing.", "a.csv: a joint is missing. Add it."),
        ("2 files are damaged:\n a.csv\n b.csv\n", "a.csv: 2 files are damaged:\n a.csv\n b.csv\nAdd it."),
    ],
)
def test_an_error_says_where_what_and_the_remedy(what: str, text: str):
    assert str(PSPError(what, where="a.csv", remedy="Add it.")) == text

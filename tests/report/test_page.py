from html.parser import HTMLParser

import pytest

from psp.errors import ConfigError
from psp.report.compare import ComparedRun
from psp.report.page import sections, write_report

DEVICE = {"type": "cpu", "name": "x", "threads": 2, "cores": 4}


def compared(name: str, rate: float, finished: bool = True) -> ComparedRun:
    sets = {"full": {"top1": 61.25, "top5": 90.0, "confusion": [[3, 1], [2, 2]]}}
    result = {"budget": {"labels": 50}, "parameters": 153626, "seconds": 90.0, "device": DEVICE}
    metrics = [{"step": step, "loss": 2 / step, "accuracy": step / 10} for step in (1, 2, 3)]
    evaluation = {"average": sets, "last": sets} if finished else {}
    settings = {"optim.learning_rate": rate, "method": "psp", "runtime.precision": "bf16"}
    return ComparedRun(name, settings, ("sit", "<stand>"), metrics, evaluation, result if finished else {})


RUNS = [compared("one", 0.1), compared("two & three", 0.2), compared("begun", 0.1, finished=False)]


class Tags(HTMLParser):
    """Checks that tags are closed in order, and collects cells and addresses."""

    def __init__(self):
        super().__init__()
        self.open, self.cells, self.sources = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.sources.append(dict(attributes)["src"])
        if tag not in ("img", "meta"):
            self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += text


def test_the_page_needs_no_other_file(tmp_path):
    write_report(tmp_path / "pages" / "report.html", RUNS)
    assert [path.name for path in (tmp_path / "pages").iterdir()] == ["report.html"]
    page = Tags()
    page.feed((tmp_path / "pages" / "report.html").read_text())
    assert page.open == []
    assert len(page.sources) == 3
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert "two & three" in page.cells
    assert "61.2 (90.0)" in page.cells
    assert "optim.learning_rate" in page.cells
    assert "method" not in page.cells


def test_the_sections_say_what_is_there():
    accuracy, costs, settings, *_ = sections(RUNS)
    assert accuracy.rows[1][1:] == ["61.2 (90.0)", "61.2 (90.0)"]
    assert accuracy.rows[3][1:] == ["–", "–"]
    assert costs.rows[1][1:] == ["50", "153,626", "1.5", "2 CPU threads", "bf16"]
    assert costs.rows[3][1:] == ["not finished", "", "", "", ""]
    assert settings.rows[1] == ["optim.learning_rate", "0.1", "0.2", "0.1"]
    assert sections(RUNS[:1])[2].rows[1] == ["every setting", "the same"]
    assert len(sections([compared("begun", 0.1, finished=False)])) == 5


def test_markdown_has_its_pictures_beside_it(tmp_path):
    write_report(tmp_path / "report.md", RUNS)
    text = (tmp_path / "report.md").read_text()
    pictures = sorted(path.name for path in tmp_path.glob("*.png"))
    assert len(pictures) == 3
    assert all(f"({name})" in text for name in pictures)
    assert "| optim.learning_rate | 0.1 | 0.2 | 0.1 |" in text.splitlines()


def test_other_kinds_of_pages_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"\.html or \.md"):
        write_report(tmp_path / "report.pdf", RUNS)

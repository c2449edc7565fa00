from dataclasses import replace

from psp.report.compare import ComparedRun
from psp.report.markdown import sections, write_markdown

DEVICE = {"type": "cpu", "name": "x", "threads": 2, "cores": 4}


def compared(name: str, rate: float, finished: bool = True) -> ComparedRun:
    sets = {"full": {"top1": 61.25, "top5": 90.0, "confusion": [[3, 1], [2, 2]]}}
    result = {"budget": {"labels": 50}, "parameters": 153626, "seconds": 90.0, "device": DEVICE}
    metrics = [{"step": step, "loss": 2 / step, "accuracy": step / 10} for step in (1, 2, 3)]
    evaluation = {"average": sets, "last": sets} if finished else {}
    settings = {"optim.learning_rate": rate, "method": "psp", "runtime.precision": "bf16"}
    return ComparedRun(name, settings, ("sit", "<stand>"), metrics, evaluation, result if finished else {})


RUNS = [compared("one", 0.1), compared("<b>|$^$", 0.2), compared("begun", 0.1, finished=False)]


def test_the_sections_say_what_is_there():
    accuracy, costs, settings, *_ = sections(RUNS)
    assert accuracy.rows[1][1:] == ["61.2 (90.0)", "61.2 (90.0)"]
    assert accuracy.rows[3][1:] == ["–", "–"]
    assert costs.rows[1][1:] == ["50", "153,626", "1.5 min", "2 CPU threads", "bf16"]
    assert costs.rows[3][1:] == ["not finished", "", "", "", ""]
    assert settings.rows[1] == ["optim.learning_rate", "0.1", "0.2", "0.1"]
    assert sections(RUNS[:1])[2].rows[1] == ["every setting", "the same"]
    assert len(sections([compared("begun", 0.1, finished=False)])) == 5


def test_short_times_and_lists_are_readable():
    short = compared("short", 0.1)
    short = replace(short, result={**short.result, "seconds": 2.4}, settings={**short.settings, "sizes": [16, [2, 3]]})
    _, costs, settings, *_ = sections([RUNS[0], short])
    assert costs.rows[2][3] == "2 s"
    assert settings.rows[1] == ["sizes", "None", "16, 2, 3"]


def test_markdown_has_its_pictures_beside_it(tmp_path):
    write_markdown(tmp_path / "report.md", RUNS)
    text = (tmp_path / "report.md").read_text()
    pictures = sorted(path.name for path in tmp_path.glob("*.png"))
    assert len(pictures) == 3
    assert all(f"({name})" in text for name in pictures)
    assert r"| optim.learning\_rate | 0.1 | 0.2 | 0.1 |" in text.splitlines()
    assert r"| setting | one | &lt;b&gt;\|\$^\$ | begun |" in text.splitlines()

import json

import pytest

from psp.cli import train as command
from psp.cli.main import main
from psp.dataset.labels import draw_budget, write_budget
from psp.dataset.split import protocol_by_name, split_store
from psp.train.presets import best
from stores import small_store


class CaughtError(Exception):
    """What training would have begun with."""


@pytest.fixture
def begun(monkeypatch):
    def start(store, config, out, drawn, device, compile):
        raise CaughtError(config, drawn)

    monkeypatch.setattr(command, "start_run", start)

    def call(*arguments, **options):
        with pytest.raises(CaughtError) as caught:
            command.train(*arguments, **options)
        return caught.value.args

    return call


@pytest.mark.parametrize("spec", ["2/class", "all"])
def test_the_preset_knows_the_budget_of_a_file(begun, tmp_path, spec):
    store = small_store(tmp_path / "store")
    protocol = protocol_by_name("synthetic-xsub")
    budget = draw_budget(spec, protocol, store.clips, split_store(protocol, store).train, 0)
    write_budget(budget, tmp_path / "budget.json")
    config, drawn = begun(store.path, "synthetic-xsub", budget_file=tmp_path / "budget.json", out=tmp_path / "run")
    assert (config, drawn) == (best("synthetic-xsub", spec, "light"), budget)


def test_doubted_labels_are_named(tmp_path, capsys):
    store, run = str(small_store(tmp_path / "store").path), tmp_path / "run"
    arguments = ["--protocol", "synthetic-xsub", "--budget", "2/class", "--size", "tiny", "--epochs", "5"]
    settings = ["--set", "doubt=1.0", "teach_after=0.8", "data.sample.frames=8"]
    assert main(["train", store, *arguments, *settings, "--out", str(run)]) == 0
    doubted = json.loads((run / "result.json").read_text())["clips with doubted labels"]
    assert doubted
    assert f"labels that were doubted and left out: {', '.join(doubted)}." in " ".join(capsys.readouterr().out.split())

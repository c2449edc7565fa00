import pytest

from psp.cli import train as command
from psp.data.budget import draw_budget, write_budget
from psp.data.split import protocol_by_name, split_store
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

"""The tables that are published are those that the published results of runs make."""

from pathlib import Path

import pytest

from psp.data.prepare import prepare
from psp.data.store import Store, open_store
from psp.data.synthetic import SyntheticConfig
from psp.reproduce.experiment import Scope, plan
from psp.reproduce.experiments import EXPERIMENTS
from psp.reproduce.result import read_results
from psp.reproduce.table import Table
from psp.reproduce.write_table import markdown

RESULTS = Path(__file__).parents[1] / "results"
LIGHT = Scope("light", epochs=15)


@pytest.fixture(scope="module")
def stores(shared_data, tmp_path_factory) -> dict[str, Store]:
    folder = tmp_path_factory.mktemp("results")
    prepare("nw-ucla", shared_data / "nw-ucla" / "all_sqe.zip", folder / "nw-ucla")
    prepare("synthetic", None, folder / "synthetic", synthetic=SyntheticConfig(clips=400))
    return {name: open_store(folder / name) for name in ("nw-ucla", "synthetic")}


@pytest.mark.parametrize(
    ("name", "data", "scope"),
    [
        ("table3", ["nw-ucla"], LIGHT),
        ("table3", ["nw-ucla"], Scope("full", precision="bf16")),
        *((name, ["nw-ucla", "synthetic"], LIGHT) for name in ("table4", "figure5", "figure6", "figure7", "figure8")),
    ],
)
def test_a_published_table_is_made_of_published_results(stores, name, data, scope):
    experiment = EXPERIMENTS[name]
    table = Table(experiment, plan(experiment, [stores[each] for each in data], scope), read_results(RESULTS))
    published = RESULTS / f"{experiment.stem(scope, table.columns)}.md"
    assert markdown(table) == published.read_text(encoding="utf-8")

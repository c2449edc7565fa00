"""The tables that are published are those that the published results of runs make."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from psp.preprocess.prepare import prepare
from psp.dataset.split import PROTOCOLS
from psp.dataset.store import Store, open_store
from psp.synthetic import SyntheticConfig
from psp.reproduce.experiment import Scope, plan
from psp.reproduce.experiments import EXPERIMENTS
from psp.reproduce.result import read_results
from psp.reproduce.table import Table
from psp.reproduce.write_table import as_csv, as_plain, markdown

RESULTS = Path(__file__).parents[1] / "results"
LIGHT = Scope("light", epochs=15)

FINGERPRINTS = {
    content["store"]: content["store fingerprint"]
    for content in (json.loads(path.read_text()) for path in RESULTS.glob("*/*.json"))
}
"""Those of the data sets as they were measured; another machine's arithmetic prepares them in other last bits."""


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
    experiment, found = EXPERIMENTS[name], read_results(RESULTS)
    planned = plan(experiment, [stores[each] for each in data], scope)
    measured = [replace(run, fingerprint=FINGERPRINTS[PROTOCOLS[run.column.protocol].dataset]) for run in planned]
    table = Table(experiment, measured, found)
    stem = RESULTS / experiment.stem(scope, table.columns)
    assert markdown(table) == stem.with_name(f"{stem.name}.md").read_text(encoding="utf-8")
    assert as_csv(table) == stem.with_name(f"{stem.name}.csv").read_text(encoding="utf-8")
    assert json.loads(json.dumps(as_plain(table))) == json.loads(stem.with_name(f"{stem.name}.json").read_text())

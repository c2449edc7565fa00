import json

from benchmarks.prepare_ntu import MEMORY, prepare_ntu, whole_data_set
from psp.io.formats.write_ntu import write_ntu_folder
from psp.synthetic import SyntheticConfig


def test_copies_are_prepared_and_the_figures_written(tmp_path):
    write_ntu_folder(tmp_path / "samples", SyntheticConfig(clips=2))
    (tmp_path / "samples" / "S001C001P001R001A060.skeleton").write_text("1\n")
    prepare_ntu(tmp_path / "samples", [3], 1, tmp_path, tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["samples"] == 2, "the damaged file is no sample"
    assert [each["files"] for each in found["curve"]] == [3]
    assert found["whole data set"]["files"] == 56_880
    assert found["floor, one core"]["ms a file: read"] <= found["floor, one core"]["ms a file: read, parse"]
    assert {each.name for each in tmp_path.iterdir()} == {"samples", "found.json"}


def test_time_is_proportional_and_memory_on_a_line():
    found = whole_data_set([{"files": 100, "seconds": 1.0, MEMORY: 50.0}, {"files": 200, "seconds": 3.0, MEMORY: 60.0}])
    assert found["minutes"] == round(3.0 * 56_880 / 200 / 60, 2)
    assert found["MiB"] == round(60 + 0.1 * (56_880 - 200), 1)
    assert found["KiB a file"] == 102.4

import json

from benchmarks.prepare_ntu import prepare_ntu
from psp.io.write_ntu import write_ntu_folder
from psp.synthetic import SyntheticConfig


def test_copies_are_prepared_and_the_figures_written(tmp_path):
    write_ntu_folder(tmp_path / "samples", SyntheticConfig(clips=2))
    (tmp_path / "samples" / "S001C001P001R001A060.skeleton").write_text("1\n")
    prepare_ntu(tmp_path / "samples", [3, 6], 1, tmp_path, tmp_path / "found.json")
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["samples"] == 2, "the damaged file is no sample"
    assert [each["files"] for each in found["curve"]] == [3, 6]
    assert found["whole data set"]["files"] == 56_880
    assert found["floor, one core"]["ms a file: read"] <= found["floor, one core"]["ms a file: read, parse"]
    assert {each.name for each in tmp_path.iterdir()} == {"samples", "found.json"}

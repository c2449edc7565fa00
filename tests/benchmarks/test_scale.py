from pathlib import Path

from benchmarks.scale import ScaleConfig, measure_scale


def test_a_store_is_measured_and_removed(tmp_path: Path):
    result = measure_scale([256], tmp_path, ScaleConfig(labels="1/class", steps=3))
    assert [each["clips"] for each in result["results"]] == [256]
    for each in result["results"]:
        assert each["write"]["bytes"]["joints.npy"] > each["clips"] * 8 * 25 * 12
        assert each["read"]["seconds"]["open"] > 0
        assert all(speed > 0 for speed in each["read"]["clips per second"].values())
    assert not list(tmp_path.glob("scale-*"))

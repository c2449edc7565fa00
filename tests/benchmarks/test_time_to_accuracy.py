import json

import pytest

from benchmarks.time_to_accuracy import (
    GOALS,
    HELD_OUT,
    Point,
    draw_accuracy_over_time,
    measure_time_to_accuracy,
    plateau,
    reached,
)
from psp.dataset.benchmarks import BENCHMARKS
from runs import SMALL_RUN
from stores import small_store


def curve(*values: float) -> list[Point]:
    return [Point(epoch, 10.0 * epoch, {"full": value}) for epoch, value in enumerate(values, 1)]


def test_the_plateau_is_where_the_smooth_curve_is_nearly_as_high_as_ever():
    assert plateau([10, 20, 30, 60, 60, 60, 60, 60]) == 6
    assert plateau([10, 90, 10, 60, 60, 60, 60]) == 6, "one lucky epoch decides nothing"
    assert plateau([50]) == 1
    assert plateau([50, 50.5, 50.9]) == 1


def test_a_goal_is_reached_first_and_for_good():
    assert reached(curve(10, 60, 50, 70, 80), 59.1) == {"first": 20, "for good": 40}
    assert reached(curve(10, 60, 50), 59.1) == {"first": 20, "for good": None}
    assert reached(curve(10, 20), 59.1) == {"first": None, "for good": None}


@pytest.mark.parametrize(("split", "held_out"), HELD_OUT.items())
def test_the_epochs_are_chosen_among_training_clips(split, held_out):
    whole, part = BENCHMARKS[split], BENCHMARKS[held_out]
    assert part.column == whole.column
    assert {*part.train, *part.test} <= {*whole.train}
    assert not {*part.train, *part.test} & {*whole.test}


def test_curves_are_recorded_and_written(tmp_path):
    store, seen = small_store(tmp_path / "store"), []
    found = measure_time_to_accuracy(
        store, SMALL_RUN, tmp_path, labels="2/class", seeds=(3, 4), watch="synthetic-xview", device="cpu",
        on_point=lambda run, point: seen.append((run, point.epoch)),
    )  # fmt: skip
    settings = found["settings"]
    assert (settings["split"], settings["held-out split"]) == ("synthetic-xsub", "synthetic-xview")
    assert [point["epoch"] for point in found["held-out curves"][3]] == [1, 2, 3]
    tested = found["test curves"][4]
    assert len(tested) == found["epochs chosen"] <= 3
    assert seen[:3] == [("watched-3", 1), ("watched-3", 2), ("watched-3", 3)]
    seconds = [point["seconds"] for point in tested]
    assert sorted(seconds) == seconds
    assert seconds[0] > 0
    assert found["seconds to"].keys() == GOALS.keys()
    assert json.loads((tmp_path / "tested-4" / "curve.json").read_text()) == tested
    json.dumps(found)


def test_curves_and_goals_are_drawn(tmp_path):
    path = tmp_path / "curve.svg"
    draw_accuracy_over_time(path, {"seed 0": curve(10, 40, 65), "seed 1": curve(20, 70)}, {"the paper": 59.1})
    assert "<svg" in path.read_text()

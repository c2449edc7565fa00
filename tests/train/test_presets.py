from dataclasses import replace

import pytest

from psp.methods.methods import METHODS
from psp.model.encoder import SIZES
from psp.train.presets import PRESETS, best, paper, published, with_method


def test_paper_has_the_numbers_of_section_4_2():
    ntu, ucla = paper("ntu60-xsub", "5%", "full"), paper("nw-ucla", "5%", "full")
    assert (ntu.optim.learning_rate, ucla.optim.learning_rate) == (0.05, 0.06)
    assert (ntu.optim.weight_decay, ucla.optim.weight_decay) == (5e-4, 1e-4)
    assert (ntu.optim.milestones, ucla.optim.milestones) == ((60, 90), (76, 130))
    assert (ntu.optim.warmup, ucla.optim.warmup) == (5, 20)
    assert (ntu.epochs, ucla.epochs) == (120, 300)
    assert ntu.labelled_batch + ntu.unlabelled_batch == 64
    assert ucla.labelled_batch + ucla.unlabelled_batch == 128
    assert (ntu.objective.temperature, ntu.objective.contrast) == (0.07, 1.0)
    weights = [(each.model.body_to_part, each.model.part_to_joint, each.model.body_to_joint) for each in (ntu, ucla)]
    assert weights == [(0.2, 0.12, 0.24), (0.2, 0.1, 0.2)]


def test_published_has_the_numbers_of_the_program():
    config = published("ntu60-xsub", "5%", "full")
    assert (config.optim.learning_rate, config.optim.weight_decay) == (0.01, 4e-4)
    assert (config.labelled_batch, config.unlabelled_batch, config.steps) == (9, 90, 500)
    assert config.objective.contrast == 0.2
    assert config.labelled_as_unlabelled
    assert (config.data.motion, config.data.sample.train, config.data.sample.frames) == ("recorded", "random", 50)
    assert (config.model.scale, config.model.bodies_from, config.model.persons) == ("product", "joints", "all")


def test_another_method_learns_from_guesses_only_if_it_is_taught():
    taught, plain = best("nw-ucla", "5%", "tiny"), paper("nw-ucla", "5%", "tiny")
    assert with_method(plain, "taught").has_teacher
    assert with_method(taught, "psp").objective == replace(taught.objective, pseudo_label=0.0)
    assert with_method(taught, "taught") == with_method(taught, None) == taught
    assert with_method(plain, "supervised") == replace(plain, method="supervised")


@pytest.mark.parametrize("make", [paper, published])
def test_neither_of_them_augments(make):
    augment = make("nw-ucla", "5%", "full").data.augment
    assert not any((augment.turn, augment.shear, augment.mirror, augment.noise, augment.scale))


def test_best_augments_and_keeps_the_core():
    config = best("nw-ucla", "5%", "tiny")
    assert (config.epochs, config.data.sample.overhang, config.optim.optimiser) == (20, 0.2, "muon")
    assert METHODS[config.method].views == (
        "joint", "velocity", "yaw-invariant", "yaw-invariant velocity", "distance",
    )  # fmt: skip
    assert config.data.augment.turn >= 45
    assert config.data.augment_labelled == replace(config.data.augment, shear=0.1, joint_mask=0.0, noise=0.0)
    assert config.model.levels == ("body", "part", "joint")
    assert config.model.polymerise
    assert set(PRESETS) == {"paper", "published", "best"}


@pytest.mark.parametrize(
    ("protocol", "budget", "expected"),
    [
        ("nw-ucla", "5%", (20, 0.0)), ("nw-ucla", "9.5%", (20, 0.0)), ("nw-ucla", "10%", (60, 0.5)),
        ("nw-ucla", "9/class", (20, 0.0)), ("nw-ucla", "15/class", (60, 0.5)), ("nw-ucla", "all", (60, 0.5)),
        ("ntu60-xsub", "40%", (20, 0.0)), ("ntu60-xsub", "all", (20, 0.0)),
    ],
)  # fmt: skip
def test_best_takes_longer_and_doubts_labels_where_a_small_data_set_has_many(protocol, budget, expected):
    config = best(protocol, budget, "light")
    assert (config.epochs, config.doubt) == expected
    assert config.optim.warmup == 2


@pytest.mark.parametrize(("protocol", "clips"), [("nw-ucla", 28), ("synthetic-xsub", 28), ("ntu60-xsub", 112)])
def test_best_takes_small_batches_from_small_data_sets(protocol, clips):
    config = best(protocol, "5%", "light")
    assert config.labelled_batch + config.unlabelled_batch == clips


def test_best_learns_along_the_skeleton_at_the_size_light_alone():
    joints = {size: best("nw-ucla", "5%", size).model.encoder.joints for size in SIZES}
    assert joints == {"light": "graph", "tiny": "attention", "small": "attention", "full": "attention"}

from dataclasses import replace

import pytest

from psp.batches.augment import AugmentConfig
from psp.batches.modalities import usable
from psp.methods import METHODS
from psp.methods.psp import PSPConfig
from psp.methods.supervised import STREAMS
from psp.model.encoder import SIZES
from psp.skeleton.catalogue import layout_by_name
from psp.train.config import method_config, method_name
from psp.train.presets import PRESETS, DataFacts, best, paper, published, restricted, with_method

NTU = DataFacts(40_091, 33, layout_by_name("ntu25"))
UCLA = DataFacts(1000, 5, layout_by_name("kinect20"))


def test_paper_has_the_numbers_of_section_4_2():
    ntu, ucla = (paper(facts).last for facts in (NTU, UCLA))
    assert (ntu.optim.learning_rate, ucla.optim.learning_rate) == (0.05, 0.06)
    assert (ntu.optim.weight_decay, ucla.optim.weight_decay) == (5e-4, 1e-4)
    assert (ntu.optim.milestones, ucla.optim.milestones) == ((60, 90), (76, 130))
    assert (ntu.optim.warmup, ucla.optim.warmup) == (5, 20)
    assert (ntu.epochs, ucla.epochs) == (120, 300)
    assert ntu.batch.labelled + ntu.batch.unlabelled == 64
    assert ucla.batch.labelled + ucla.batch.unlabelled == 128
    assert (ntu.method.temperature, ntu.method.contrast) == (0.07, 1.0)
    pyramids = [stage.method.pyramid for stage in (ntu, ucla)]
    weights = [(each.body_to_part, each.part_to_joint, each.body_to_joint) for each in pyramids]
    assert weights == [(0.2, 0.12, 0.24), (0.2, 0.1, 0.2)]


def test_published_has_the_numbers_of_the_program():
    config = published(NTU)
    stage = config.last
    assert (stage.optim.learning_rate, stage.optim.weight_decay) == (0.01, 4e-4)
    assert (stage.batch.labelled, stage.batch.unlabelled, stage.steps_per_epoch) == (9, 90, 500)
    assert stage.method.contrast == 0.2
    assert stage.batch.unlabelled_pool == "train"
    assert (config.data.motion, config.data.resample.train, config.data.resample.frames) == ("recorded", "random", 50)
    assert (stage.method.pyramid.scale, stage.method.pyramid.bodies_from) == ("product", "joints")
    assert config.model.persons == "all"


@pytest.mark.parametrize("make", [paper, published])
def test_neither_of_them_augments(make):
    data = make(UCLA).data
    assert data.weak == data.strong == AugmentConfig()


def test_best_augments_and_keeps_the_core():
    config = best(UCLA)
    assert (config.last.epochs, config.last.optim.warmup, config.last.optim.optimiser) == (20, 2, "muon")
    assert config.data.resample.overhang == 0.2
    assert config.last.method.modalities == STREAMS
    assert config.data.strong.turn >= 45
    assert config.data.weak == replace(config.data.strong, shear=0.1, joint_mask=0.0, noise=0.0)
    assert config.last.method.pyramid.levels == ("body", "part", "joint")
    assert config.last.method.pyramid.polymerise
    assert set(PRESETS) == {"paper", "published", "best"}


@pytest.mark.parametrize(("up", "channels", "roll"), [("none", 2, 180), ("-y", 2, 10), ("none", 3, 10), ("y", 3, 10)])
def test_best_rotates_recordings_from_above_by_any_angle_and_does_not_align_class_frequencies(up, channels, roll):
    config = best(replace(UCLA, up=up, channels=channels))
    assert (config.data.weak.roll, config.data.strong.roll) == (roll, roll)
    assert config.last.method.distribution_alignment == (roll == 10)


@pytest.mark.parametrize(
    ("clips", "labels_per_class", "expected"),
    [
        (1000, 1, (20, 0.0)), (1000, 9.9, (20, 0.0)), (1000, 10, (60, 0.5)), (1000, 100, (60, 0.5)),
        (9_999, 40, (60, 0.5)), (10_000, 40, (20, 0.0)), (40_091, 600, (20, 0.0)),
    ],
)  # fmt: skip
def test_best_takes_longer_and_filters_labels_where_a_small_data_set_has_many(clips, labels_per_class, expected):
    stage = best(replace(UCLA, clips=clips, labels_per_class=labels_per_class)).last
    assert (stage.epochs, stage.method.noisy_labels) == expected


def test_best_takes_small_batches_from_small_data_sets():
    assert [best(facts).last.batch.labelled + best(facts).last.batch.unlabelled for facts in (UCLA, NTU)] == [28, 112]


def test_best_uses_the_graph_encoder_at_the_size_light_alone():
    joints = {size: best(UCLA, size).model.encoder.joints for size in SIZES}
    assert joints == {"light": "graph", "tiny": "attention", "small": "attention", "full": "attention"}


@pytest.mark.parametrize(
    ("layout", "up", "channels", "persons", "left"),
    [
        ("coco17", "-y", 2, 1, ("joint", "velocity", "distance")),
        ("coco17", "y", 3, 1, STREAMS),
        ("coco17", "y", 3, 2, (*STREAMS, "inter-person distance")),
        ("kinect20", "none", 3, 1, ("joint", "velocity", "distance")),
        ("ap10k", "y", 3, 1, STREAMS[:-1]),
        ("ap10k", "-y", 2, 1, ("joint", "velocity")),
        ("ap10k", "-y", 2, 3, ("joint", "velocity", "inter-person distance")),
    ],
)
def test_best_has_the_modalities_that_the_recordings_allow(layout, up, channels, persons, left):
    known = layout_by_name(layout)
    if layout == "ap10k":
        known = replace(known, hands=None)
    facts = DataFacts(100, 5, known, up, channels, persons)
    assert best(facts).last.method.modalities == left
    assert with_method(best(facts), "multi-stream-supervised").last.method.modalities == left
    for method in METHODS:
        stages = restricted(with_method(best(facts), method), facts).stages
        names = [name for stage in stages for name in stage.method.modalities]
        assert names
        assert usable(names, known, up, channels, persons) == tuple(names)


@pytest.mark.parametrize("name", [None, "psp-mean-teacher"])
def test_the_method_of_a_preset_is_not_replaced_by_itself(name):
    assert with_method(best(UCLA), name) == best(UCLA)


def test_another_method_keeps_the_options_that_both_have():
    source = best(UCLA).last.method
    found = with_method(best(UCLA), "psp")
    wanted = PSPConfig(("joint", "motion"), source.temperature, source.contrast, source.label_smoothing, source.pyramid)
    assert found.last.method == wanted
    assert (found.model, found.data, found.runtime) == (best(UCLA).model, best(UCLA).data, best(UCLA).runtime)
    assert replace(found.last, method=source) == best(UCLA).last
    assert with_method(best(UCLA), "multi-stream-supervised").last.method.modalities == STREAMS
    vat = with_method(best(UCLA), "vat").last.method
    assert vat == method_config("vat", consistency=source.consistency)


def test_pre_training_becomes_a_first_stage():
    found = with_method(paper(UCLA), "moco")
    assert [(stage.name, method_name(stage.method), stage.initialise) for stage in found.stages] == [
        ("pretrain", "moco", "scratch"),
        ("finetune", "supervised", "backbone"),
    ]
    assert found.stages[0].method.temperature == paper(UCLA).last.method.temperature
    assert all(replace(stage, method=paper(UCLA).last.method, name="train", initialise="scratch") == paper(UCLA).last
               for stage in found.stages)  # fmt: skip


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("facts", [UCLA, NTU])
def test_presets_are_values(preset, facts):
    assert PRESETS[preset](facts, "tiny") == PRESETS[preset](facts, "tiny")
    assert PRESETS[preset](facts, "tiny") != PRESETS[preset](facts, "small")

from dataclasses import replace

import numpy as np
import pytest

from psp.errors import ConfigError
from psp.train.config import TrainConfig
from psp.train.optim import OptimConfig
from psp.train.presets import paper
from psp.train.schedule import rescheduled, steps_per_epoch, unlabelled_clips

CONFIG = TrainConfig("nw-ucla", "5/class", unlabelled_batch=4)
TRAIN = np.arange(10)


def test_an_epoch_is_a_pass_over_the_clips_without_labels():
    clips = unlabelled_clips(CONFIG, TRAIN, np.array([2, 3, 7]))
    assert clips.tolist() == [0, 1, 4, 5, 6, 8, 9]
    assert steps_per_epoch(CONFIG, len(clips)) == 2
    assert steps_per_epoch(CONFIG, 8) == 2
    assert steps_per_epoch(CONFIG, 9) == 3
    assert steps_per_epoch(replace(CONFIG, steps=5), 9) == 5


def test_labelled_clips_are_shown_without_labels_where_asked_for_and_where_there_are_no_others():
    assert unlabelled_clips(replace(CONFIG, labelled_as_unlabelled=True), TRAIN, TRAIN[:3]).tolist() == TRAIN.tolist()
    assert unlabelled_clips(CONFIG, TRAIN, TRAIN).tolist() == TRAIN.tolist()


def test_another_length_keeps_the_schedules_proportions():
    config = paper("nw-ucla", "5%", "tiny")
    assert (config.epochs, config.optim.warmup, config.optim.milestones) == (300, 20, (76, 130))
    short = rescheduled(config, 60)
    assert (short.epochs, short.optim.warmup, short.optim.milestones) == (60, 4, (15, 26))
    assert replace(short, epochs=300, optim=config.optim) == config
    assert rescheduled(config, 300) == config
    assert rescheduled(config, 600).optim.milestones == (152, 260)
    few = replace(CONFIG, epochs=90, optim=OptimConfig(milestones=(20,)))
    assert rescheduled(few, 1).optim.milestones == (1,)
    with pytest.raises(ConfigError, match=r"^epochs: "):
        rescheduled(config, 0)

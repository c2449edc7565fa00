import numpy as np
import pytest

from psp.synthetic.classes import ACTIONS, ENCOUNTERS
from psp.synthetic.kinematics import CHANNELS
from psp.synthetic.pose import REST, arm
from psp.synthetic.program import LIMITS, Program, Swing, channel_values, draw_timing, program_angles

PROGRAMS = [(name, program) for name, variants in ACTIONS.items() for program in variants]
PROGRAMS += [(name, program) for name, pair in ENCOUNTERS.items() for program in (pair.first, pair.second)]
ONES, HABIT = np.ones(len(CHANNELS)), channel_values(REST)


def angles_at(program: Program, *phases: float, cycles: float = 1.0, gain: np.ndarray = ONES) -> np.ndarray:
    phase = np.repeat(np.array(phases)[:, None], len(CHANNELS), axis=1)
    return program_angles(program, phase, cycles, gain, HABIT)


@pytest.mark.parametrize(("name", "program"), PROGRAMS)
def test_programs_name_known_channels_and_run_from_start_to_end(name, program):
    times = [time for time, _ in program.keys]
    assert (times[0], times[-1]) == (0, 1)
    assert times == sorted(set(times))
    named = {channel for _, pose in program.keys for channel in pose} | {swing.channel for swing in program.swings}
    assert named <= set(CHANNELS)


@pytest.mark.parametrize(("name", "program"), PROGRAMS)
def test_every_frame_stays_within_the_limits_of_the_joints(name, program):
    angles = angles_at(program, *np.linspace(0, 1, 50), cycles=3.0, gain=1.5 * ONES)
    for column, channel in enumerate(CHANNELS):
        low, high = LIMITS.get(channel.split()[-1], (-180, 180))
        assert low <= angles[:, column].min() <= angles[:, column].max() <= high


def test_motion_passes_through_the_keys_and_half_way_between_them():
    program = Program(((0, {}), (0.5, {"right elbow": 90}), (1, {})))
    elbow = angles_at(program, 0.0, 0.25, 0.5, 1.0)[:, CHANNELS.index("right elbow")]
    rest = REST["right elbow"]
    np.testing.assert_allclose(elbow, [rest, (rest + 90) / 2, 90, rest])


def test_gain_stretches_the_way_from_rest():
    program = Program(((0, arm(57, 60, 50, 14)), (1, {})))
    raised = angles_at(program, 0.0, gain=1.2 * ONES)[0, CHANNELS.index("right raise")]
    assert raised == pytest.approx(REST["right raise"] + 1.2 * 50)


def test_a_swing_is_a_sine_inside_its_window_and_nothing_outside():
    program = Program(((0, {}), (1, {})), (Swing("gaze", 30),), window=(0.2, 0.8))
    gaze = angles_at(program, 0.1, 0.35, 0.5, 0.65, 0.9)[:, CHANNELS.index("gaze")]
    np.testing.assert_allclose(gaze, [0, 30, 0, -30, 0], atol=1e-9)


def test_timing_runs_once_from_zero_to_one_and_fast_people_take_fewer_frames():
    program = Program(((0, {}), (1, {})))
    quick, slow = (draw_timing(program, tempo, np.random.default_rng(1)) for tempo in (1.4, 0.8))
    assert quick.frames < slow.frames
    phase = slow.phase()
    assert (phase[0], phase[-1]) == (0, 1)
    assert (np.diff(phase) >= 0).all()

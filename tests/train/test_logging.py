import time

import pytest
import torch

from psp.errors import CheckpointError
from psp.methods.base import StepOutput
from psp.train.logging import JsonLines, Meter, RunLogs, read_lines


def test_a_log_continues_where_its_position_was_taken(tmp_path):
    path = tmp_path / "log.jsonl"
    log = JsonLines(path)
    log.write(step=1, loss=0.5)
    position = log.position()
    log.write(step=2, loss=0.25)
    log.close()
    with path.open("a") as file:
        file.write('{"step": 3, "lo')
    again = JsonLines(path, position)
    again.write(step=2, loss=0.125)
    again.close()
    assert read_lines(path) == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.125}]


def test_a_line_that_is_being_written_is_not_read_yet_and_a_damaged_one_is_named(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n{"st')
    assert read_lines(path) == [{"step": 1}]
    path.write_text('{"step"\n{"step": 2}\n')
    with pytest.raises(CheckpointError, match=r"log\.jsonl, line 1: this is not readable JSON"):
        read_lines(path)
    path.write_text('{"step": 1, "loss": NaN, "accuracy": "high"}\n')
    with pytest.raises(CheckpointError, match=r"line 1: accuracy is not a number"):
        read_lines(path)


def test_a_log_shorter_than_its_position_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n')
    with pytest.raises(CheckpointError, match="shorter than at the last checkpoint"):
        JsonLines(path, 100)
    assert read_lines(path) == [{"step": 1}]


def test_the_logs_of_a_run_have_positions_of_their_own(tmp_path):
    paths = tmp_path / "metrics.jsonl", tmp_path / "timing.jsonl"
    logs = RunLogs(*paths, {})
    logs.metrics.write(step=1)
    positions = logs.positions()
    logs.timing.write(step=1)
    logs.close()
    RunLogs(*paths, positions).close()
    assert [read_lines(path) for path in paths] == [[{"step": 1}], []]


def output(loss: float) -> StepOutput:
    return StepOutput(torch.tensor(loss), {"classification": torch.tensor(loss / 2), "accuracy": torch.tensor(0.75)})


def test_a_reading_holds_the_numbers_of_its_step():
    reading = Meter(clips=8).read(output(0.1), 3)
    assert (reading.step, reading.loss) == (3, float(torch.tensor(0.1)))
    assert reading.metrics == {"classification": float(torch.tensor(0.05)), "accuracy": 0.75}


def test_times_are_those_between_readings(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    meter = Meter(clips=8)
    meter.at(10, 5.0)
    now[0] += 4
    assert meter.read(output(1.0), 12).clips_per_second == pytest.approx(4.0)
    assert meter.read(output(1.0), 12).clips_per_second == pytest.approx(4.0)  # the same step again
    now[0] += 60
    meter.restart()
    now[0] += 1
    assert meter.read(output(1.0), 13).clips_per_second == pytest.approx(8.0)
    assert meter.seconds == pytest.approx(10.0)

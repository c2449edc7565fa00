import pytest

from psp.errors import CheckpointError
from psp.train.log import JsonLines, read_lines


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
    with pytest.raises(CheckpointError, match="damaged"):
        read_lines(path)


def test_a_log_shorter_than_its_position_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n')
    with pytest.raises(CheckpointError, match="shorter than the checkpoint"):
        JsonLines(path, 100)
    assert read_lines(path) == [{"step": 1}]

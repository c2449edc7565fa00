import json

import pytest

from psp.train.atomic import write_atomically, write_json


def test_a_failed_write_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "value.json"
    write_json(path, {"a": 1})

    def fail(place):
        place.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="space"):
        write_atomically(path, fail)
    assert json.loads(path.read_text()) == {"a": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["value.json"]

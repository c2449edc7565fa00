import shlex
from pathlib import Path

import numpy as np

from psp.dataset.checks.report import Report
from psp.report.store_page import _advice, _facts
from stores import table_store


def test_a_missing_value_is_no_value_of_a_column():
    store = table_store(["a", "b", "c"], [0, 0, 1], subject=[1.0, np.nan, 2.0], room=["hall", "", ""])
    assert _facts(store)["columns"][1:] == [["subject", "2", "1.0, 2.0"], ["room", "1", "hall"]]


def test_commands_to_copy_keep_a_path_with_a_space():
    store = table_store(["a", "b"], [0, -1])
    commands = [each["command"] for each in _advice(store, Path("my stores/one"), Report({}, None, (), {}))]
    assert [shlex.split(each) for each in commands] == [["psp", part, "my stores/one"] for part in ("label", "train")]

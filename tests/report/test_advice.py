import shlex

import pytest

from psp.report.advice import Facts, advise


@pytest.mark.parametrize(
    ("finished", "words"),
    [(False, [["train", "--resume"]]), (True, [["train", "--resume", "--estimate"], ["predict", "RECORDINGS"]])],
)
def test_commands_to_copy_keep_a_path_with_a_space(finished, words):
    found = advise(Facts("my runs/it's one", finished, None, ("sit", "stand"), 0, 0, None))
    commands = [shlex.split(each.command) for each in found]
    assert all("my runs/it's one" in each for each in commands)
    assert [[part for part in each[1:] if " " not in part] for each in commands] == words

import pytest

from psp.cli.main import main


@pytest.mark.parametrize("words", [["--channels", "2"], ["--up", "z"]])
def test_options_of_a_layout_are_refused_beside_a_store(capsys, words):
    assert main(["pretrain", "store", *words]) == 2
    assert "--channels and --up are those of STORE" in capsys.readouterr().err

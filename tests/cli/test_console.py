from io import StringIO

from rich.console import Console

from psp.cli import console


def test_a_long_line_is_printed_in_one_piece(monkeypatch):
    monkeypatch.setattr(console, "CONSOLE", Console(file=StringIO(), width=60))
    line = "open in a browser: http://127.0.0.1:40000/?token=" + "x" * 43
    console.say(line)
    assert console.CONSOLE.file.getvalue() == f"{line}\n"

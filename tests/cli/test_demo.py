import json
import signal
from contextlib import nullcontext

import pytest

from psp.cli.main import main


def stop_in_training(done: int, total: int, note: str = "") -> None:
    if note:
        signal.raise_signal(signal.SIGTERM)


@pytest.mark.slow
def test_the_demo_may_be_stopped_and_shows_what_unlabelled_clips_bring(tmp_path, capsys, monkeypatch):
    out = tmp_path / "demo"
    command = ["demo", str(out), "--clips", "120", "--epochs", "1"]
    with monkeypatch.context() as stopped:
        stopped.setattr("psp.cli.demo.progress_bar", lambda _: nullcontext(stop_in_training))
        assert main(command) == 128 + signal.SIGTERM
    assert "same command again" in capsys.readouterr().err
    for _ in range(2):
        assert main(command) == 0
        printed = " ".join(capsys.readouterr().out.split())
        found = json.loads((out / "demo.json").read_text())
        semi, supervised = (f"{found[name]['top1']:.1f} %" for name in ("psp-mean-teacher", "multi-stream-supervised"))
        assert f"PSP Learning recognises {semi} of the test clips" in printed
        assert f"without unlabelled clips {supervised}." in printed
    assert (out / "demo.png").stat().st_size > 20_000
    assert main(["demo", str(out), "--clips", "200", "--epochs", "1"]) == 2
    assert "120 clips, not 200" in " ".join(capsys.readouterr().err.split())

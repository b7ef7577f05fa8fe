"""The demo, offline, from the base that ships."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from twitterbot import checkpoint, cli, finetune
from twitterbot.errors import TwitterbotError


@pytest.fixture
def shipped_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    try:
        return checkpoint.base_path()
    except TwitterbotError:
        pytest.skip("no base checkpoint came with this copy of twitterbot")


def run_demo(folder: Path) -> str:
    result = CliRunner().invoke(cli.app, ["demo"])
    assert result.exit_code == 0, result.output
    tweets = result.stdout.splitlines()
    assert len(tweets) == 10
    assert len(set(tweets)) == 10
    for command in ("import", "finetune", "generate"):
        assert f"$ twitterbot {command}" in result.stderr
    assert "Your turn: " in result.stderr
    assert list(folder.iterdir()) == []  # all of it happens in a folder that goes away
    return result.stderr


def test_the_demo_shows_every_step_and_leaves_nothing_behind(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A tiny base in place of the one that ships, and little training.
    monkeypatch.setattr(checkpoint, "base_path", lambda: base)
    monkeypatch.setattr(finetune, "default_epochs", lambda tokens: 2)
    monkeypatch.chdir(tmp_path)
    run_demo(tmp_path)
    quiet = CliRunner().invoke(cli.app, ["demo", "--quiet"])
    assert (quiet.exit_code, quiet.stderr) == (0, "")
    assert len(quiet.stdout.splitlines()) == 10


@pytest.mark.slow
def test_the_demo_teaches_the_shipped_base_the_captains_voice(
    shipped_base: Path, tmp_path: Path
) -> None:
    talk = run_demo(tmp_path)
    scores = talk.split("held-out bits per character: base ")[1].split(" (")[0]
    before, after = map(float, scores.split(" -> fine-tuned "))
    assert after < 0.9 * before

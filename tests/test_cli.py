"""The command line as its users meet it: help, streams, exit codes, obvious inputs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

import twitterbot
from tests.conftest import ENVIRONMENT, timeline
from twitterbot import checkpoint, preparation, tweets
from twitterbot.cli import app

COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def call(*args: object) -> Result:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    assert isinstance(result.exception, SystemExit | None), result.exc_info
    return result


@pytest.fixture
def desk(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with two timelines and a base."""
    shutil.copytree(base, tmp_path / "checkpoints" / "base")
    for age, author in enumerate(("bramble", "tarn")):
        path = tweets.path_for(author, tmp_path / "tweets")
        tweets.write(path, timeline(author, 60))
        os.utime(path, (1e9 - age, 1e9 - age))
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ------------------------------------------------------------------ help


def test_help_and_version_load_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "from twitterbot.cli import app\n"
        "for args in [['--help'], ['--version'], *([name, '--help'] for name in sys.argv[1:])]:\n"
        "    app(args, standalone_mode=False)\n"
        "heavy = 'tensorflow keras numpy tweepy requests tokenizers safetensors'.split()\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *COMMANDS], capture_output=True, text=True, env=ENVIRONMENT
    )
    assert done.stderr == "[]\n"
    assert f"twitterbot {twitterbot.__version__}\n" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    for flag in ("-h", "--help"):
        assert call(name, flag).exit_code == 0
    command = COMMANDS[name]
    assert command.help[0].isupper()
    if any(param.param_type_name == "argument" for param in command.params):
        assert f"Example: twitterbot {name} " in call(name, "--help").stdout
    for param in command.params:
        assert getattr(param, "help", None), param.name
    assert {"quiet", "verbose"} <= {param.name for param in command.params}


def test_without_arguments_help_is_shown() -> None:
    assert "Commands:" in call().output
    for name in COMMANDS:
        assert name in call("--help").stdout


# ------------------------------------------------------------------ exit codes and errors


@pytest.mark.parametrize(
    "args",
    [
        ["frobnicate"],
        ["generate", "--frobnicate"],
        ["generate", "--count", "0"],
        ["generate", "--count", "many"],
        ["generate", "--top-p", "2"],
        ["generate", "--format", "xml"],
        ["finetune", "--epochs", "0"],
        ["pretrain"],
    ],
)
def test_wrong_usage_exits_with_2(args: list[str]) -> None:
    result = call(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Usage:" in result.stderr


def bad_line(desk: Path) -> list[object]:
    path = desk / "tweets" / "bad.jsonl"
    path.write_text('{"id": 1}\n')
    return ["finetune", path]


def few_tweets(desk: Path) -> list[object]:
    tweets.write(desk / "few.jsonl", timeline("tarn", 10))
    return ["finetune", "few.jsonl"]


def no_tweets(desk: Path) -> list[object]:
    shutil.rmtree(desk / "tweets")
    return ["finetune"]


def damaged_checkpoint(desk: Path) -> list[object]:
    (desk / "checkpoints" / "base" / "model.safetensors").write_bytes(b"nonsense")
    return ["generate", "base"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["generate", "nobody"], "no checkpoint at nobody; in checkpoints/ there is: base"),
        (["generate", "tweets"], "no checkpoint at tweets"),
        (["generate", "base", "--max-length", "1"], "too long"),
        (["finetune", "nobody"], "no tweets at nobody"),
        (["finetune", "--base", "nobody"], "no checkpoint at nobody"),
        (["finetune", "-o", "checkpoints/base"], "holds a base checkpoint"),
        (["finetune", "-o", "tweets"], "tweets is not a checkpoint"),
        (["pretrain", "gone.txt"], "cannot read gone.txt"),
        (["pretrain", "tweets/tarn.jsonl", "-o", "tweets"], "tweets is not a checkpoint"),
        (bad_line, "bad.jsonl, line 1"),
        (few_tweets, "only 10 of 10 tweets"),
        (no_tweets, "no tweets in tweets/"),
        (damaged_checkpoint, "model.safetensors is damaged"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_exit_code_1(
    args: Any, message: str, desk: Path
) -> None:
    result = call(*(args(desk) if callable(args) else args))
    assert result.exit_code == 1
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    assert last.startswith("twitterbot: ")
    assert message in last
    assert "Traceback" not in result.stderr
    folders = {path.name for path in desk.iterdir() if path.is_dir()}
    assert folders <= {"checkpoints", "tweets"}


def test_an_interruption_exits_with_130(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(preparation, "prepare", interrupted)
    result = call("finetune")
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1] == "twitterbot: interrupted"


# ------------------------------------------------------------------ the obvious inputs


def test_finetune_and_generate_take_the_newest_and_name_the_next_command(desk: Path) -> None:
    result = call("generate", "-n", "2", "--seed", "1")
    assert result.exit_code == 0, result.stderr
    assert len(result.stdout.splitlines()) == 2
    assert "from the base, for no model has been fine-tuned yet" in result.stderr
    result = call("generate", "base", "-n", "1", "--strength", "2")
    assert "base knows no base: --strength has no effect" in result.stderr

    result = call("finetune", "--epochs", "1", "--learning-rate", "0.01")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == ""
    assert "reading tweets/bramble.jsonl, the newest timeline" in result.stderr
    assert "60 tweets read; 60 kept" in result.stderr
    assert "warning: 60 tweets are few" in result.stderr
    wrote = "wrote checkpoints/bramble; next: twitterbot generate bramble"
    assert result.stderr.splitlines()[-1] == wrote

    # The same by name, and quietly.
    result = call("finetune", "@Tarn", "--epochs", "1", "--quiet", "-o", "elsewhere/gulls")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == "warning: 60 tweets are few: " + result.stderr[28:]
    assert len(result.stderr.splitlines()) <= 2  # the other: nothing learnt
    assert checkpoint.describe(desk / "elsewhere" / "gulls").name == "gulls"

    result = call("generate", "-n", "2", "--format", "jsonl", "--verbose")
    assert "from checkpoints/bramble, the newest checkpoint" in result.stderr
    assert "sampled, dropped: " in result.stderr
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["model"] for record in records] == ["bramble", "bramble"]
    assert all(record["synthetic"] for record in records)
    # The seed that was drawn makes the same tweets again.
    again = call("generate", "-n", "2", "--format", "jsonl", "--seed", records[0]["seed"])
    assert again.stdout == result.stdout


def test_tweets_go_to_a_file_when_one_is_named(desk: Path) -> None:
    result = call("generate", "base", "-n", "3", "-o", "out.csv", "--format", "csv", "--quiet")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    lines = (desk / "out.csv").read_text().splitlines()
    assert lines[0] == "text,synthetic,model,seed"
    assert len(lines) == 4


def test_a_reader_that_goes_away_gets_no_traceback(desk: Path) -> None:
    command = f"{sys.executable} -m twitterbot generate base -n 300 | head -1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=desk, env=ENVIRONMENT
    )
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""

"""Checkpoints: whole, self-contained, and refused in one line when they are not."""

import dataclasses
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tests.conftest import ENVIRONMENT, invented_tweets
from twitterbot import checkpoint
from twitterbot.errors import TwitterbotError
from twitterbot.generate import Generator
from twitterbot.model import NextTokenLoss
from twitterbot.options import GenerateOptions
from twitterbot.scores import Scorer
from twitterbot.tokenizer import Tokenizer

STORED = Path(__file__).parent / "data" / "checkpoint-v1"


def test_a_saved_checkpoint_loads_as_it_was(finetuned: Path, tmp_path: Path) -> None:
    first = dataclasses.replace(checkpoint.load(finetuned), stock=[3, 2**64 - 1])
    first.save(tmp_path / "again")
    second = checkpoint.load(tmp_path / "again")
    assert second.description == first.description
    assert second.training_texts == first.training_texts
    assert second.stock == first.stock
    assert second.tokenizer.to_json() == first.tokenizer.to_json()
    assert second.weights.keys() == first.weights.keys()
    for name, array in first.weights.items():
        assert array.dtype == np.float16
        np.testing.assert_array_equal(second.weights[name], array)


def test_a_copied_folder_is_all_that_a_checkpoint_needs(finetuned: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(finetuned, copy)
    assert {file.name for file in copy.iterdir()} == {
        *("checkpoint.json", "tokenizer.json", "model.safetensors", "base.safetensors"),
        *("README.md", "tweets.jsonl"),
    }
    ids = np.array([[0, 5, 6, 7]], np.int32)
    logits = [checkpoint.load(path).build()(ids) for path in (finetuned, copy)]
    np.testing.assert_array_equal(*logits)


def test_a_checkpoint_of_format_1_still_loads_and_generates() -> None:
    stored = checkpoint.load(STORED)
    assert stored.description.format_version == 1
    assert stored.description.name == "bramble"
    assert len(stored.training_texts) == 108
    model = stored.build()
    score = Scorer(NextTokenLoss(model), stored.tokenizer).alone(stored.training_texts[:10])
    assert score == pytest.approx(1.7165, abs=0.01)  # as on the day that it was made
    assert len(list(Generator(stored).tweets(GenerateOptions(count=3, seed=1)))) == 3


def test_strength_goes_from_the_base_to_the_author_and_beyond(base: Path, finetuned: Path) -> None:
    start, loaded = checkpoint.load(base), checkpoint.load(finetuned)
    for name, trained in loaded.weights.items():
        near, far = np.float32(start.weights[name]), np.float32(trained)
        np.testing.assert_array_equal(loaded.weights_at(0)[name], near)
        np.testing.assert_array_equal(loaded.weights_at(1)[name], far)
        beyond = loaded.weights_at(1.5)[name]
        np.testing.assert_allclose(beyond, far + 0.5 * (far - near), rtol=1e-5, atol=1e-6)
    assert start.weights_at(1.5) is start.weights  # it knows no base


# ------------------------------------------------------------------ refusals


def edit(**changes: Any) -> Callable[[Path], object]:
    """Changes fields of `checkpoint.json`."""

    def change(path: Path) -> None:
        file = path / "checkpoint.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return change


def put(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda path: (path / name).write_bytes(content)


def cut(name: str) -> Callable[[Path], object]:
    return lambda path: os.truncate(path / name, (path / name).stat().st_size // 2)


def another_tokenizer(path: Path) -> None:
    Tokenizer.train(invented_tweets("milla", 50), 300).save(path / "tokenizer.json")


def anothers_weights(path: Path) -> None:
    safetensors.numpy.save_file({"embedding": np.zeros((7, 7))}, path / "base.safetensors")


def other_hashes(path: Path) -> None:
    safetensors.numpy.save_file({"hashes": np.zeros(7)}, path / "stock.safetensors")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (edit(format_version=2), "has checkpoint format 2 and this twitterbot reads up to 1"),
        (edit(format_version=None), "was not written by twitterbot"),
        (put("checkpoint.json", b'{"model_type": "gpt2"}'), "was not written by twitterbot"),
        (put("checkpoint.json", b"[]"), "was not written by twitterbot"),
        (put("checkpoint.json", b'{"format_version": 1}'), "checkpoint.json is damaged"),
        (put("checkpoint.json", b"\xff\xfe"), "checkpoint.json is damaged"),
        (put("checkpoint.json", b"[" * 200_000), "checkpoint.json is damaged"),
        (cut("checkpoint.json"), "checkpoint.json is damaged"),
        (edit(model=[400]), "checkpoint.json is damaged"),
        (lambda path: (path / "checkpoint.json").unlink(), "is not a checkpoint: it has no"),
        (cut("model.safetensors"), "model.safetensors is damaged"),
        (put("model.safetensors", b""), "model.safetensors is damaged"),
        (lambda path: (path / "model.safetensors").unlink(), "cannot read"),
        (cut("base.safetensors"), "base.safetensors is damaged"),
        (anothers_weights, "base.safetensors does not belong to the model beside it"),
        (put("stock.safetensors", b""), "stock.safetensors is damaged"),
        (other_hashes, "stock.safetensors is damaged: it has no list of hashes"),
        (cut("tokenizer.json"), "tokenizer.json is not a tokenizer file"),
        (lambda path: (path / "tokenizer.json").unlink(), "cannot read"),
        (another_tokenizer, "tokenizer.json does not belong to the model beside it"),
        (cut("tweets.jsonl"), "tweets.jsonl is damaged"),
        (put("tweets.jsonl", b'{"id": 1}\n'), "tweets.jsonl is damaged"),
    ],
)
def test_what_is_no_checkpoint_of_ours_is_refused_in_one_line(
    harm: Callable[[Path], object], message: str, finetuned: Path, tmp_path: Path
) -> None:
    path = tmp_path / "harmed"
    shutil.copytree(finetuned, path)
    harm(path)
    with pytest.raises(TwitterbotError) as caught:
        checkpoint.load(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [{"width": 64}, {"layers": 3}, {"layers": 1}, {"depth": 1}])
def test_weights_that_do_not_fit_the_description_are_refused(
    change: dict[str, int], finetuned: Path
) -> None:
    loaded = checkpoint.load(finetuned)
    model = {**loaded.description.model, **change}
    description = dataclasses.replace(loaded.description, model=model)
    with pytest.raises(TwitterbotError, match="the weights of bramble do not fit it"):
        dataclasses.replace(loaded, description=description).build()


def test_fields_of_later_minor_versions_are_ignored(finetuned: Path, tmp_path: Path) -> None:
    shutil.copytree(finetuned, tmp_path / "later")
    edit(mood="sunny")(tmp_path / "later")
    assert checkpoint.describe(tmp_path / "later") == checkpoint.describe(finetuned)


def test_a_failed_write_keeps_the_old_checkpoint(finetuned: Path, tmp_path: Path) -> None:
    path = tmp_path / "kept"
    shutil.copytree(finetuned, path)
    loaded = checkpoint.load(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))  # a disk that is soon full
    try:
        with pytest.raises(TwitterbotError, match=r"cannot write .*kept: File too large"):
            dataclasses.replace(loaded, training_texts=()).save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert checkpoint.load(path).training_texts == loaded.training_texts
    assert [file.name for file in tmp_path.iterdir()] == ["kept"]


def test_describe_reads_without_keras(finetuned: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from twitterbot import checkpoint; "
        f"print(checkpoint.describe(Path({str(finetuned)!r})).name); "
        "print([m for m in ('keras', 'tensorflow') if m in sys.modules])"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.stdout == "bramble\n[]\n", done.stderr


# ------------------------------------------------------------------ finding one


@pytest.fixture
def shelf(tmp_path: Path, base: Path, finetuned: Path) -> Path:
    """A folder of checkpoints: the base, and two fine-tuned ones."""
    shutil.copytree(base, tmp_path / "base")
    for age, name in enumerate(("bramble", "My-Tweets", "base")):
        shutil.copytree(finetuned if name != "base" else base, tmp_path / name, dirs_exist_ok=True)
        os.utime(tmp_path / name / "checkpoint.json", (1e9 - age, 1e9 - age))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("bramble", "bramble"),
        ("@Bramble", "bramble"),
        ("My-Tweets", "My-Tweets"),
        ("my-tweets", "My-Tweets"),
        ("base", "base"),
    ],
)
def test_find_takes_a_name_in_any_case(name: str, found: str, shelf: Path) -> None:
    assert checkpoint.find(name, shelf) == shelf / found


def test_find_takes_a_path_and_tells_what_there_is(shelf: Path, tmp_path: Path) -> None:
    assert checkpoint.find(str(shelf / "bramble"), tmp_path / "empty") == shelf / "bramble"
    with pytest.raises(
        TwitterbotError, match=r"no checkpoint at nobody; .*: My-Tweets, base, bram"
    ):
        checkpoint.find("nobody", shelf)
    with pytest.raises(TwitterbotError, match="there is: none"):
        checkpoint.find("nobody", tmp_path / "empty")


def test_newest_is_the_fine_tuned_one_written_last(shelf: Path, tmp_path: Path) -> None:
    assert checkpoint.newest(shelf) == shelf / "bramble"
    os.utime(shelf / "My-Tweets" / "checkpoint.json")
    os.utime(shelf / "base" / "checkpoint.json")
    assert checkpoint.newest(shelf) == shelf / "My-Tweets"
    assert checkpoint.newest(tmp_path / "empty") is None


def test_base_path_prefers_the_working_folder(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(base.parents[1])
    assert checkpoint.base_path() == Path("checkpoints/base")
    assert checkpoint.find("base") == Path("checkpoints/base")


def test_only_a_checkpoint_of_the_same_kind_is_replaced(shelf: Path) -> None:
    for name in ("new", "bramble"):
        checkpoint.check_replaceable(shelf / name, "finetuned")
    for name in ("new", "base"):
        checkpoint.check_replaceable(shelf / name, "base")
    with pytest.raises(TwitterbotError, match="holds a base checkpoint"):
        checkpoint.check_replaceable(shelf / "base", "finetuned")
    with pytest.raises(TwitterbotError, match="holds a fine-tuned checkpoint"):
        checkpoint.check_replaceable(shelf / "bramble", "base")
    with pytest.raises(TwitterbotError, match="is not a checkpoint"):
        checkpoint.check_replaceable(shelf, "finetuned")


def test_no_fine_tuned_model_takes_the_bases_name(tmp_path: Path) -> None:
    checkpoint.check_replaceable(tmp_path / "base", "base")
    with pytest.raises(TwitterbotError, match="is what fine-tuning starts from"):
        checkpoint.check_replaceable(tmp_path / "Base", "finetuned")


def test_a_fine_tuned_model_brings_what_it_started_from(finetuned: Path, base: Path) -> None:
    started = checkpoint.load(finetuned).started_from()
    first = checkpoint.load(base)
    assert started.description.name == "base"
    assert started.description.created_at == first.description.created_at
    assert started.known_texts == []
    ids = np.array([[0, 5, 6, 7]], np.int32)
    np.testing.assert_array_equal(started.build()(ids), first.build()(ids))
    for without in (first, checkpoint.load(STORED)):
        with pytest.raises(TwitterbotError, match="knows no base; name one with --base"):
            without.started_from()


def test_the_card_tells_where_the_model_comes_from(finetuned: Path) -> None:
    description = checkpoint.describe(finetuned)
    card = (finetuned / "README.md").read_text()
    assert card == checkpoint.card(description)
    assert "# bramble" in card
    assert (
        description.parent and f"Trained from `base` of {description.parent['created_at']}." in card
    )
    assert f"| in context | {description.scores['in_context']:.3f} |" in card
    assert "| tweets trained on | 108 |" in card
    assert "synthetic" in card

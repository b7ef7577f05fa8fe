"""Pretraining: resumable after any stop, the same for the same seed."""

import dataclasses
import itertools
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors

from tests.conftest import ENVIRONMENT, write_corpus
from twitterbot import checkpoint, pretrain
from twitterbot.checkpoint import Checkpoint
from twitterbot.dataset import Ids, TokenizedCorpus
from twitterbot.errors import TwitterbotError
from twitterbot.novelty import stock_hash
from twitterbot.options import PretrainOptions
from twitterbot.pretrain import Progress
from twitterbot.training import Trainer

PER_STEP = 4 * 32
OPTIONS = PretrainOptions(
    tokens=6 * PER_STEP,
    batch=4,
    width=16,
    layers=1,
    heads=2,
    context=32,
    vocabulary_size=300,
    precision="float32",
)


class Workshop:
    """A folder with a corpus, in which runs go on from each other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.corpus = write_corpus(folder / "corpus.jsonl", 40, "milla", "tarn")
        self.validation = write_corpus(folder / "validation.jsonl", 5, "quist")
        self.steps: list[int] = []

    def pretrain(self, stop_after: int | None = None, **changes: Any) -> Checkpoint:
        """Runs to the end, or is interrupted after so many steps; `steps` tells which it made."""
        self.steps = []

        def watch(progress: Progress) -> None:
            self.steps.append(progress.tokens // PER_STEP)
            if len(self.steps) == stop_after:
                raise KeyboardInterrupt

        return pretrain.pretrain(
            [self.corpus],
            self.folder / "checkpoints" / "base",
            work=self.work,
            validation=[self.validation],
            options=dataclasses.replace(OPTIONS, **changes),
            on_progress=watch,
        )

    def state(self) -> dict[str, Any]:
        """What the saved state tells of itself."""
        with safetensors.safe_open(self.work / "state.safetensors", "numpy") as file:
            metadata: dict[str, Any] = json.loads(file.metadata()["twitterbot"])
        return metadata


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """A run that was not interrupted."""
    workshop = Workshop(tmp_path_factory.mktemp("finished"))
    workshop.pretrain()
    return workshop


def weights(workshop: Workshop) -> dict[str, Any]:
    return dict(checkpoint.load(workshop.folder / "checkpoints" / "base").weights)


def test_the_checkpoint_tells_what_was_done(finished: Workshop) -> None:
    description = checkpoint.describe(finished.folder / "checkpoints" / "base")
    assert finished.steps == [1, 2, 3, 4, 5, 6]
    assert (description.name, description.kind) == ("base", "base")
    assert description.data["tokens_seen"] == 6 * PER_STEP
    assert description.data["tweets"] == 80
    assert description.data["validation_tweets"] == 5
    assert description.options["seed"] == 0
    assert description.options["precision"] == "float32"
    assert 1 < description.scores["in_context"] < 8
    # An author of whose tweets a seventh holds a mention, and a seventh a link.
    assert description.scores["in_context_own_words"] == description.scores["in_context"]


def test_an_interrupted_and_resumed_run_is_the_same_as_one_without_a_break(
    workshop: Workshop, finished: Workshop
) -> None:
    with pytest.raises(KeyboardInterrupt):
        workshop.pretrain(stop_after=3)
    assert not (workshop.folder / "checkpoints" / "base").exists()
    assert workshop.state()["step"] == 3
    workshop.pretrain()
    assert workshop.steps == [4, 5, 6]
    for name, array in weights(finished).items():
        np.testing.assert_allclose(weights(workshop)[name], array, atol=1e-3)


def test_a_step_that_an_interruption_ends_is_counted(
    workshop: Workshop, finished: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Python hears of a signal when the library returns: after the update.
    whole = Trainer.step

    def interrupted(trainer: Trainer, windows: Ids, learning_rate: float) -> float:
        whole(trainer, windows, learning_rate)
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "step", interrupted)
    for steps in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            workshop.pretrain()
        assert workshop.state()["step"] == steps
    monkeypatch.undo()
    workshop.pretrain()
    assert workshop.steps == [3, 4, 5, 6]
    for name, array in weights(finished).items():
        np.testing.assert_allclose(weights(workshop)[name], array, atol=1e-3)


def test_another_seed_gives_other_weights(workshop: Workshop, finished: Workshop) -> None:
    workshop.pretrain(seed=1)
    difference = weights(workshop)["embedding"] - weights(finished)["embedding"]
    assert np.abs(difference).max() > 1e-2


def test_a_finished_run_goes_on_when_more_tokens_are_wanted(
    workshop: Workshop, finished: Workshop
) -> None:
    shutil.copytree(finished.work, workshop.work)
    workshop.pretrain()
    assert workshop.steps == []  # nothing is left to do
    workshop.pretrain(tokens=8 * PER_STEP)
    assert workshop.steps == [7, 8]
    workshop.pretrain(tokens=10 * PER_STEP, batch=8)
    assert workshop.state()["step"] == 5  # of twice the tokens


def test_a_killed_process_loses_no_more_than_the_steps_since_the_last_save(
    workshop: Workshop,
) -> None:
    script = (
        "from twitterbot import pretrain; pretrain.SAVE_EVERY = 0; pretrain.EVALUATE_EVERY = 0; "
        "from twitterbot.cli import app; app()"
    )
    sizes = {"batch": 4, "width": 16, "layers": 1, "heads": 2, "context": 32}
    options = [f"--{name}={size}" for name, size in sizes.items()]
    options += ["--vocabulary-size=300", "--precision=float32", f"--tokens={10**6 * PER_STEP}"]
    paths = [str(workshop.corpus), f"--validation={workshop.validation}", f"--work={workshop.work}"]
    process = subprocess.Popen(
        [sys.executable, "-c", script, "pretrain", *paths, *options, "-o", "never"],
        cwd=workshop.folder,
        env=ENVIRONMENT,
    )
    try:
        deadline = time.monotonic() + 120
        history = workshop.work / "history.jsonl"
        while not history.exists() or len(history.read_text().splitlines()) < 3:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (workshop.folder / "never").exists()

    saved = workshop.state()
    assert saved["step"] >= 3
    done = workshop.pretrain(tokens=(saved["step"] + 2) * PER_STEP)
    assert workshop.steps == [saved["step"] + 1, saved["step"] + 2]
    assert done.description.data["tokens_seen"] == (saved["step"] + 2) * PER_STEP
    assert done.description.data["training_seconds"] >= round(saved["seconds"])
    assert done.description.history == saved["history"]
    assert len(saved["history"]) == saved["step"]


def test_evaluations_are_part_of_the_history(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrain, "EVALUATE_EVERY", 0.0)
    history = workshop.pretrain().description.history
    assert [entry["tokens"] for entry in history] == [n * PER_STEP for n in range(1, 7)]
    lines = (workshop.work / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == history


# ------------------------------------------------------------------ refusals


def harm(content: Callable[[bytes], bytes]) -> Callable[[Workshop], None]:
    def change(workshop: Workshop) -> None:
        path = workshop.work / "state.safetensors"
        path.write_bytes(content(path.read_bytes()))

    return change


def other_corpus(workshop: Workshop) -> None:
    write_corpus(workshop.corpus, 40, "bramble")


def nothing(workshop: Workshop) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (nothing, {"width": 32}, "belongs to a model of another shape"),
        (nothing, {"layers": 2}, "belongs to a model of another shape"),
        (other_corpus, {}, "belongs to a corpus with other tokens"),
        (harm(lambda content: content[: len(content) // 2]), {}, "is damaged"),
        (harm(lambda content: b""), {}, "is damaged"),
        (harm(lambda content: content.replace(b'"twitterbot"', b'"twittertop"')), {}, "is damaged"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_in_one_line(
    change: Callable[[Workshop], None],
    options: dict[str, int],
    message: str,
    workshop: Workshop,
    finished: Workshop,
) -> None:
    shutil.copytree(finished.work, workshop.work)
    change(workshop)
    with pytest.raises(TwitterbotError, match=message) as caught:
        workshop.pretrain(**options)
    assert str(workshop.work / "state.safetensors") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert workshop.steps == []


def test_a_new_run_may_start_from_a_checkpoint(workshop: Workshop, finished: Workshop) -> None:
    first = finished.pretrain()
    more = pretrain.pretrain(
        [workshop.corpus],
        workshop.folder / "more",
        work=workshop.work,
        validation=[workshop.validation],
        base=first,
        options=dataclasses.replace(OPTIONS, tokens=1, learning_rate=0.0, width=64),
    )
    assert more.description.model == first.description.model
    assert more.description.parent == first.description.origin()
    assert more.tokenizer.to_json() == first.tokenizer.to_json()
    for name, weights in more.weights.items():
        np.testing.assert_array_equal(weights, first.weights[name])


def test_a_base_knows_the_stock_tweets_of_its_corpora(workshop: Workshop) -> None:
    text = "Nobody but the gulls was up in time to see the ferry"
    with workshop.corpus.open("a") as file:
        file.writelines(json.dumps({"author": who, "text": text}) + "\n" for who in "ab")
    known = dataclasses.replace(workshop.pretrain(tokens=1), stock=[5])
    after = pretrain.pretrain(
        [workshop.corpus],
        workshop.folder / "more",
        work=workshop.folder / "another",
        validation=[workshop.validation],
        base=known,
        options=dataclasses.replace(OPTIONS, tokens=1),
    )
    assert after.stock == [5, stock_hash(text)]
    assert checkpoint.load(workshop.folder / "checkpoints" / "base").stock == after.stock[1:]


def test_a_state_is_not_taken_up_by_a_run_from_another_base(
    workshop: Workshop, finished: Workshop
) -> None:
    shutil.copytree(finished.work, workshop.work)  # of a run from no base
    with pytest.raises(TwitterbotError, match="belongs to a run from another base"):
        losses_on_the_way(workshop, finished.pretrain(), 1)


def test_a_fine_tuned_checkpoint_is_not_replaced(workshop: Workshop, finetuned: Path) -> None:
    shutil.copytree(finetuned, workshop.folder / "checkpoints" / "base")
    with pytest.raises(TwitterbotError, match="holds a fine-tuned checkpoint"):
        workshop.pretrain()
    assert workshop.steps == []


def losses_on_the_way(workshop: Workshop, base: Checkpoint, steps: int) -> list[float]:
    """Of the frozen weights of `base`, in each step of a run that starts from it."""
    means: list[float] = []
    pretrain.pretrain(
        [workshop.corpus],
        workshop.folder / "more",
        work=workshop.work,
        validation=[workshop.validation],
        base=base,
        options=dataclasses.replace(OPTIONS, tokens=steps * PER_STEP, learning_rate=0.0),
        on_progress=lambda progress: means.append(progress.loss),
    )
    (workshop.work / "state.safetensors").unlink()
    return list(np.diff(np.array(means) * np.arange(1, steps + 1), prepend=0.0))


def test_runs_that_go_on_from_each_other_make_a_whole_pass(
    workshop: Workshop, finished: Workshop
) -> None:
    first = finished.pretrain()
    anew = dataclasses.replace(first, description=dataclasses.replace(first.description, data={}))
    whole_pass = losses_on_the_way(workshop, anew, 8)
    assert np.std(whole_pass) > 1e-3  # the batches differ
    np.testing.assert_allclose(losses_on_the_way(workshop, first, 2), whole_pass[6:], atol=1e-4)
    after = checkpoint.describe(workshop.folder / "more")
    assert after.data["tokens_seen"] == 8 * PER_STEP


def test_every_pass_starts_the_windows_at_other_tweets(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[Ids] = []

    def step(trainer: Trainer, windows: Ids, learning_rate: float) -> float:
        batches.append(windows)
        return 0.0

    monkeypatch.setattr(Trainer, "step", step)
    workshop.pretrain(tokens=1, context=128)  # makes the corpus
    batches.clear()
    count = len(TokenizedCorpus(workshop.work / "corpus")) // 4
    (workshop.work / "state.safetensors").unlink()
    workshop.pretrain(tokens=3 * count * 4 * 128, context=128)
    passes = [
        {bytes(row) for batch in batches[start : start + count] for row in batch}
        for start in (0, count, 2 * count)
    ]
    assert len(batches) == 3 * count
    assert len(passes[0]) == 4 * count
    for one, other in itertools.combinations(passes, 2):
        assert len(one & other) < 0.6 * len(one)


def test_heads_that_do_not_divide_the_width_are_refused(workshop: Workshop) -> None:
    with pytest.raises(TwitterbotError, match="a width of 18 is no multiple of twice the 2 heads"):
        workshop.pretrain(width=18)


def test_a_folder_that_is_no_checkpoint_is_not_replaced(workshop: Workshop) -> None:
    precious = workshop.folder / "checkpoints" / "base" / "precious.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("years of work")
    with pytest.raises(TwitterbotError, match="is not a checkpoint"):
        workshop.pretrain()
    assert list(precious.parent.iterdir()) == [precious]
    assert workshop.steps == []

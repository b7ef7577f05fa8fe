"""Evaluation: the right tweets, the right sums, and classifiers that answer what is known."""

import dataclasses
import importlib
import json
import math
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.conftest import invented_tweets, timeline
from twitterbot import checkpoint, evaluate, preparation, style, traits, tweets
from twitterbot.cli import app
from twitterbot.errors import TwitterbotError
from twitterbot.evaluate import Evaluation
from twitterbot.novelty import WORD_RUN, CopyFilter
from twitterbot.options import EvaluateOptions
from twitterbot.summary import tables
from twitterbot.text import LINK, MENTION, fold
from twitterbot.tweets import Kind, Tweet

# ------------------------------------------------------------------ the hold-out


def test_the_hold_out_is_the_one_of_the_training(finetuned: Path) -> None:
    loaded = checkpoint.load(finetuned)
    data, warnings = evaluate.hold_out(loaded, timeline("bramble", 120))
    assert warnings == []
    assert data.held_out == preparation.prepare(timeline("bramble", 120)).held_out
    assert data.train == loaded.training_texts


def test_tweets_that_were_trained_on_are_never_held_out(finetuned: Path) -> None:
    # Of 114 tweets the newest 11 are held out now; the training held out those from 108 on.
    loaded = checkpoint.load(finetuned)
    data, warnings = evaluate.hold_out(loaded, timeline("bramble", 114))
    assert len(data.held_out) == len(data.kinds) == 6
    assert not {fold(text) for text in data.held_out} & set(map(fold, loaded.training_texts))
    assert len(warnings) == 1
    assert "its newest 11 tweets are held out now, and 5 of them were trained on" in warnings[0]
    grown = [*timeline("bramble", 120), *timeline("tarn", 40)]
    data, warnings = evaluate.hold_out(loaded, grown)
    assert len(data.held_out) == 16
    assert "and 0 of them were trained on" in warnings[0]


def test_nothing_unseen_is_an_error(finetuned: Path, base: Path) -> None:
    with pytest.raises(TwitterbotError, match="was trained on 10 of the 10 newest tweets"):
        evaluate.hold_out(checkpoint.load(finetuned), timeline("bramble", 100))
    with pytest.raises(TwitterbotError, match="base is a base"):
        evaluate.hold_out(checkpoint.load(base), timeline("bramble", 120))


def test_the_checkpoints_own_handles_stay_words(finetuned: Path) -> None:
    loaded = checkpoint.load(finetuned)
    known = dataclasses.replace(loaded.description, handles=["neighbour"])
    texts = [f"{text} @neighbour" for text in invented_tweets("bramble", 120)]
    data, _ = evaluate.hold_out(
        dataclasses.replace(loaded, description=known),
        [Tweet(str(number), f"{number} {text}") for number, text in enumerate(texts)],
    )
    assert all(text.endswith("@neighbour") for text in data.held_out)


# ------------------------------------------------------------------ the scores


def test_the_scores_are_those_that_the_checkpoint_remembers(
    evaluation: Evaluation, finetuned: Path
) -> None:
    description = checkpoint.describe(finetuned)
    before, scores = description.base_scores, evaluation.scores
    for protocol in ("alone", "in_context"):
        score = getattr(scores, protocol)
        # Trained in float32, evaluated in bfloat16 where the processor is good at it.
        assert score.base == pytest.approx(before[protocol], abs=0.02)
        assert score.finetuned == pytest.approx(description.scores[protocol], abs=0.02)
        assert score.gain == pytest.approx(1 - score.finetuned / score.base)
        assert score.tweets == evaluation.held_out == 12
    assert evaluation.warnings == []
    assert evaluation.training[0]["in_context"] == before["in_context"]
    assert evaluation.training[1:-1] == description.history
    assert evaluation.training[-1]["in_context"] == description.scores["in_context"]


def test_the_bits_of_the_groups_are_all_the_bits(evaluation: Evaluation) -> None:
    scores = evaluation.scores
    for groups in (scores.kinds, scores.lengths):
        for model in ("base", "finetuned"):
            bits = sum(getattr(group, model) * group.characters for group in groups.values())
            whole = getattr(scores.in_context, model) * scores.in_context.characters
            assert bits == pytest.approx(whole)
        assert sum(group.tweets for group in groups.values()) == evaluation.held_out
    texts = preparation.prepare(timeline("bramble", 120)).held_out
    short = [text for text in texts if len(text) < 60]
    assert scores.lengths["short"].tweets == len(short) > 0
    assert scores.lengths["medium"].tweets == len(texts) - len(short) > 0


def test_kinds_are_those_of_the_held_out_tweets(finetuned: Path, base: Path) -> None:
    kinds: list[Kind] = ["quote", "reply", "original", "reply"]
    mixed = [
        dataclasses.replace(tweet, kind=kinds[number % 4])
        for number, tweet in enumerate(timeline("bramble", 120))
    ]
    data, _ = evaluate.hold_out(checkpoint.load(finetuned), mixed)
    assert data.kinds == kinds * 3


def test_another_base_than_the_parent_is_told(evaluation: Evaluation, finetuned: Path) -> None:
    description = checkpoint.describe(finetuned)
    scores = evaluation.scores
    assert evaluate._disagreements(description, description, scores) == []
    worse = dataclasses.replace(scores.in_context, base=scores.in_context.base + 0.1)
    found = evaluate._disagreements(
        description, description, dataclasses.replace(scores, in_context=worse)
    )
    assert len(found) == 1
    assert "is not the base that bramble started from" in found[0]


# ------------------------------------------------------------------ copies


def test_every_sample_is_told_with_its_fate(evaluation: Evaluation, finetuned: Path) -> None:
    known = CopyFilter(checkpoint.load(finetuned).training_texts)
    shown = [sample for sample in evaluation.samples if not sample.dropped]
    assert len(shown) == evaluation.options.count == evaluation.copying.shown.tweets
    assert len(evaluation.samples) == evaluation.copying.sampled.tweets
    for sample in evaluation.samples:
        assert sample.is_copy is known.is_copy(sample.text)
        assert sample.nearest == known.nearest(sample.text)
    copies = sum(sample.is_copy for sample in evaluation.samples)
    assert evaluation.copying.sampled.copies == copies / len(evaluation.samples)
    assert evaluation.copying.shown.copies == 0
    assert evaluation.copying.shown.longest_words < WORD_RUN
    assert evaluation.dropped.get("copies", 0) <= copies


def test_real_tweets_are_judged_by_the_same_rule(evaluation: Evaluation, finetuned: Path) -> None:
    training = checkpoint.load(finetuned).training_texts
    held_out = preparation.prepare(timeline("bramble", 120)).held_out
    known = CopyFilter(training)
    overlap = evaluation.copying.held_out
    assert overlap.copies == sum(map(known.is_copy, held_out)) / len(held_out)
    assert 0 < overlap.median_share <= 1
    assert sum(overlap.histogram) == pytest.approx(1)
    assert overlap.longest_characters > overlap.longest_words > 0


# ------------------------------------------------------------------ classifiers

AUTHORS = {name: invented_tweets(name, 120) for name in ("milla", "tarn", "quist")}


def test_authors_with_words_of_their_own_are_recognized() -> None:
    questions = {name: texts[80:] for name, texts in AUTHORS.items()}
    others = [AUTHORS["tarn"][:80], AUTHORS["quist"][:80]]
    found = style.recognized(AUTHORS["milla"][:80], others, questions, 60, seed=0)
    assert found["milla"] > 0.9
    assert found["tarn"] < 0.1
    assert found["quist"] < 0.1
    assert found == style.recognized(AUTHORS["milla"][:80], others, questions, 60, seed=0)


def test_two_authors_are_told_apart_and_halves_of_one_are_not() -> None:
    assert style.told_apart(AUTHORS["milla"], AUTHORS["tarn"], 100, seed=0) > 0.95
    some, others = AUTHORS["milla"][::2], AUTHORS["milla"][1::2]
    assert style.told_apart(some, others, 60, seed=0) == pytest.approx(0.5, abs=0.2)


def test_style_is_measured_against_the_other_authors(evaluation: Evaluation) -> None:
    recognition = evaluation.style
    assert recognition.others == ["milla", "tarn"]
    assert recognition.chance == pytest.approx(1 / 3)
    assert recognition.tweets_each == 86  # four fifths of 108
    assert recognition.training > 0.9
    assert recognition.held_out > 0.9
    assert recognition.generated > 0.5  # a tiny model has the words all the same
    assert recognition.others_held_out < 0.1


def test_without_others_the_base_stands_for_them(finetuned: Path) -> None:
    loaded = checkpoint.load(finetuned)
    options = EvaluateOptions(count=20, temperature=1.2)
    few = [("tarn", timeline("tarn", 52)), ("quist", timeline("quist", 10))]
    found = evaluate.evaluate(loaded, timeline("bramble", 120), few, options=options).style
    assert found.others == []
    assert found.chance == 0.5
    assert found.tweets_each == 18
    assert found.held_out > 0.5


def test_without_scikit_learn_the_error_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    monkeypatch.delitem(sys.modules, "twitterbot.style")
    with pytest.raises(TwitterbotError, match=r"pip install 'twitterbot\[evaluate\]'"):
        importlib.import_module("twitterbot.style")


# ------------------------------------------------------------------ what can be counted


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("plain Words", {"lower case first"}),
        (f"{MENTION} Hello", {"mention", "mention first"}),
        ("To @milla", {"mention"}),
        ("Write to me@ex.am", set()),
        ("A #gull", {"hashtag"}),
        ("We are #1", {"number"}),
        (f"See {LINK}", {"link"}),
        ("Ho 🎉", {"emoji"}),
        ("So LOUD", {"all-caps word"}),
        ("I said A or #TAG", {"hashtag"}),
        ("Really?!", {"question mark", "exclamation mark"}),
        ("“So”…\nyes", {"quotation mark", "ellipsis", "line break"}),
    ],
)
def test_traits_are_found(text: str, found: set[str]) -> None:
    shares = traits.shares([text])
    assert {name for name, share in shares.items() if share} == found
    halves = traits.shares([text, "Nothing here"])
    assert {name: share / 2 for name, share in shares.items()} == halves


def test_lengths_are_told_in_characters() -> None:
    lengths = traits.lengths(["a" * 10, "b" * 19, "c" * 20, "d" * 999])
    assert lengths.mean == 1048 / 4
    assert lengths.percentiles[50] == 19.5
    assert lengths.histogram == [0.5, 0.25, *[0.0] * 12, 0.25]


def test_distinct_compares_equally_many_ngrams() -> None:
    assert traits.distinct(["a b a", "b a b c"], ["x x"], size=1) == [1.0, 0.5]
    assert traits.distinct(["a b a b a"], ["a b", "A  b", f"b{LINK}a"], size=2) == [2 / 3, 2 / 3]
    assert traits.repeated(["a", "A ", "b", "a"]) == 0.5


# ------------------------------------------------------------------ the command


@pytest.fixture
def desk(tmp_path: Path, base: Path, finetuned: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder as it is after `finetune`."""
    shutil.copytree(base, tmp_path / "checkpoints" / "base")
    shutil.copytree(finetuned, tmp_path / "checkpoints" / "bramble")
    for author in ("bramble", "milla", "tarn"):
        tweets.write(tweets.path_for(author, tmp_path / "tweets"), timeline(author, 120))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_prints_what_was_found_and_the_same_again(
    desk: Path, evaluation: Evaluation
) -> None:
    args = ["evaluate", "-n", "30", "--temperature", "1.2", "--strength", "1.5"]
    result = CliRunner().invoke(app, [*args, "--html", "out/page.html"])
    assert result.exit_code == 0, result.output
    assert result.stdout == tables(evaluation)
    assert "evaluating checkpoints/bramble on tweets/bramble.jsonl" in result.stderr
    assert result.stderr.endswith("wrote out/page.html\n")
    assert "<title>bramble: evaluation</title>" in (desk / "out" / "page.html").read_text()

    result = CliRunner().invoke(app, [*args, "bramble", "bramble", "--json", "--quiet"])
    assert (result.exit_code, result.stderr) == (0, "")
    told = json.loads(result.stdout)
    assert told == json.loads(json.dumps(dataclasses.asdict(evaluation)))


def test_tables_fit_a_terminal(evaluation: Evaluation) -> None:
    text = tables(evaluation)
    assert max(map(len, text.splitlines())) <= 80
    assert not any(line != line.rstrip() for line in text.splitlines())
    assert f"{evaluation.scores.in_context.finetuned:.3f}" in text
    assert "nan" not in text
    assert all(math.isfinite(score.gain) for score in evaluation.scores.kinds.values())


def test_a_timeline_that_has_changed_is_told(desk: Path) -> None:
    tweets.write(desk / "tweets" / "bramble.jsonl", timeline("bramble", 114))
    result = CliRunner().invoke(app, ["evaluate", "-n", "10", "--quiet"])
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("warning: the timeline is not what bramble was trained on")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nobody"], "no checkpoint at nobody"),
        (["base", "bramble"], "base is a base; evaluate takes a fine-tuned one"),
        (["bramble", "nobody"], "no tweets at nobody"),
        (["bramble", "--base", "nobody"], "no checkpoint at nobody"),
        (["orphan", "bramble"], "bramble knows no base; name one with --base"),
    ],
)
def test_what_cannot_be_measured_is_one_line(args: list[str], message: str, desk: Path) -> None:
    shutil.copytree(desk / "checkpoints" / "bramble", desk / "checkpoints" / "orphan")
    (desk / "checkpoints" / "orphan" / "base.safetensors").unlink()
    result = CliRunner().invoke(app, ["evaluate", *args])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert message in result.stderr.splitlines()[-1]


def test_without_a_model_it_says_so(desk: Path) -> None:
    shutil.rmtree(desk / "checkpoints" / "bramble")
    result = CliRunner().invoke(app, ["evaluate"])
    assert result.exit_code == 1
    assert "no model has been fine-tuned yet" in result.stderr

"""Sampling: repeatable, within its limits, new, and without bias."""

import csv
import dataclasses
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from twitterbot import checkpoint, generate
from twitterbot.engine import keras, unfused
from twitterbot.errors import TwitterbotError
from twitterbot.generate import Generator, Yield
from twitterbot.model import ModelConfig, TweetModel
from twitterbot.novelty import CopyFilter, stock_hash
from twitterbot.options import Format, GenerateOptions
from twitterbot.output import STDOUT, writing
from twitterbot.text import LINK, MENTION, fold, weighted_length
from twitterbot.tokenizer import BEGIN, END


@pytest.fixture(scope="module")
def generator(finetuned: Path) -> Generator:
    """Of an account."""
    return Generator(checkpoint.load(finetuned))


@pytest.fixture(scope="module")
def base_generator(base: Path) -> Generator:
    """Of a base, which starts from nothing."""
    return Generator(checkpoint.load(base))


def write(generator: Generator, count: int = 5, seed: int = 1, **options: Any) -> list[str]:
    return list(generator.tweets(GenerateOptions(count=count, seed=seed, **options)))


# ------------------------------------------------------------------ promises


def test_the_same_seed_gives_the_same_tweets_and_another_gives_others(
    generator: Generator, finetuned: Path
) -> None:
    tweets = write(generator)
    assert write(generator) == tweets
    assert write(Generator(checkpoint.load(finetuned))) == tweets
    assert not set(write(generator, seed=2)) & set(tweets)


def test_exactly_as_many_as_wanted_come_and_none_twice(base_generator: Generator) -> None:
    for count in (1, 3, 70):
        tweets = write(base_generator, count)
        assert len({fold(tweet) for tweet in tweets}) == len(tweets) == count


def test_tweets_are_clean_text(base_generator: Generator) -> None:
    for tweet in write(base_generator, 60):
        assert tweet == tweet.strip() != ""
        assert not {LINK, MENTION, "\ufffd"} & set(tweet)
        assert "<|" not in tweet


def test_no_tweet_is_longer_than_wanted(base_generator: Generator) -> None:
    assert max(map(weighted_length, write(base_generator, 20))) > 30
    assert max(map(weighted_length, write(base_generator, 20, max_length=30))) <= 30


def test_copies_come_only_when_allowed(base: Path, corpus: Path) -> None:
    # The base has learnt the corpus; here it passes for an account with these tweets.
    texts = [json.loads(line)["text"] for line in corpus.read_text().splitlines()]
    copying = Generator(dataclasses.replace(checkpoint.load(base), training_texts=texts))
    known = CopyFilter(texts)
    assert any(known.is_copy(tweet) for tweet in write(copying, 20, allow_copies=True))
    yields: list[Yield] = []
    options = GenerateOptions(count=3, seed=1, temperature=1.3)
    tweets = list(copying.tweets(options, yields.append))
    assert not any(known.is_copy(tweet) for tweet in tweets)
    assert yields[-1].dropped["copies"] > 0
    assert yields[-1].sampled >= 3 + yields[-1].dropped.total()


def test_stock_tweets_of_the_bases_corpus_count_as_copies(
    base: Path, base_generator: Generator
) -> None:
    tweets = [tweet for tweet in write(base_generator, 20) if "@" not in tweet]
    stock = [hashed for tweet in tweets[::2] if (hashed := stock_hash(tweet)) is not None]
    knowing = Generator(dataclasses.replace(checkpoint.load(base), stock=stock))
    assert len(stock) > 3
    assert set(stock) <= set(map(stock_hash, write(knowing, 20, allow_copies=True)))
    assert not set(stock) & set(map(stock_hash, write(knowing, 20)))


@pytest.mark.parametrize(
    "prompt",
    ["Today the", "I dreamt", "🎉", "  spaces around ", "@tarn see https://ex.am/p:", "a\nb"],
)
def test_every_tweet_begins_with_the_prompt(prompt: str, base_generator: Generator) -> None:
    tweets = write(base_generator, 4, prompt=prompt)
    assert all(tweet.startswith(prompt.strip()) for tweet in tweets)
    assert any(len(tweet) > len(prompt.strip()) + 3 for tweet in tweets)


def test_links_and_mentions_are_spelt_as_wanted(base_generator: Generator) -> None:
    plain = write(base_generator, 60)
    assert any("@user" in tweet for tweet in plain)
    assert not any("@neighbour" in tweet or "http" in tweet for tweet in plain)
    spelt = write(base_generator, 60, links="[link]", mentions="")
    assert any("[link]" in tweet for tweet in spelt)
    assert not any("@user" in tweet for tweet in spelt)


def test_links_and_handles_that_the_model_made_up_are_hidden(base: Path) -> None:
    loaded = checkpoint.load(base)
    known = dataclasses.replace(loaded.description, handles=["tarn"])
    generator = Generator(dataclasses.replace(loaded, description=known))
    sampled = f"@tarn and @madeup see https://made.up/it {LINK} {MENTION} @longer_than_any_handle"
    prompt, row = loaded.tokenizer.encode([f"To {MENTION}:", " " + sampled])
    text = generator._text(prompt, np.array([*row, END, 7], np.int32))
    assert text == f"To {MENTION}: @tarn and {MENTION} see {LINK} {LINK} {MENTION} {MENTION}"
    assert generator._text(prompt, np.array(row, np.int32)) is None


def test_strength_says_whose_weights_write(base: Path, finetuned: Path) -> None:
    account = checkpoint.load(finetuned)
    generator = Generator(account)
    usual = write(generator)
    others = {"base": checkpoint.load(base).weights, "trained": account.weights}
    for strength, weights in enumerate(others.values()):
        alike = Generator(dataclasses.replace(account, weights=weights, base_weights=None))
        assert write(generator, strength=strength) == write(alike) != usual
    assert write(generator) == usual


@pytest.mark.parametrize("certain", [{"temperature": 0}, {"top_k": 1}, {"top_p": 0}])
def test_without_chance_the_seed_does_not_matter(
    certain: dict[str, Any], base_generator: Generator
) -> None:
    likeliest = write(base_generator, 1, temperature=0)
    for seed in (1, 2):
        assert write(base_generator, 1, seed, **certain) == likeliest


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"max_length": 1}, "too long"),
        ({"prompt": "Today the gull " * 30}, "leaves no room"),
        ({"prompt": "Today the gull", "max_length": 14}, "leaves no room"),
        ({"count": 2, "temperature": 0}, "repeated"),
    ],
)
def test_demands_that_cannot_be_met_end_in_one_line(
    options: dict[str, Any], reason: str, base_generator: Generator
) -> None:
    with pytest.raises(TwitterbotError, match=reason) as caught:
        write(base_generator, **options)
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------ the sampling itself


def choose(probabilities: list[float], draws: int = 1000, **sampling: Any) -> Counter[int]:
    """How often each id is drawn by evenly spaced "random" numbers."""
    options = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, **sampling}
    logits = np.tile(np.log(np.array(probabilities, np.float32)), (draws, 1))
    uniforms = ((np.arange(draws) + 0.5) / draws).astype(np.float32)
    return Counter(np.asarray(generate._choose(logits, uniforms, **options)).tolist())


def test_tokens_are_drawn_by_their_probability() -> None:
    probabilities = [0.0001, 0.1, 0.6, 0.2999]
    assert choose(probabilities) == pytest.approx({1: 100, 2: 600, 3: 300}, abs=2)


def test_temperature_sharpens_or_flattens() -> None:
    counts = choose([1e-9, 0.2, 0.8], temperature=0.5)
    assert counts == pytest.approx({1: 1000 / 17, 2: 16000 / 17}, abs=2)
    assert choose([1e-9, 0.2, 0.8], temperature=0.0) == {2: 1000}
    assert choose([1e-9, 0.2, 0.8], temperature=1e-37) == {2: 1000}


def test_top_p_keeps_the_likeliest_that_reach_it() -> None:
    probabilities = [1e-9, 0.5, 0.3, 0.15, 0.05]
    assert set(choose([1e-9, 0.5, 0.5], top_p=0.0)) == {1}
    assert set(choose(probabilities, top_p=0.79)) == {1, 2}
    assert set(choose(probabilities, top_p=0.81)) == {1, 2, 3}
    assert choose(probabilities, top_p=0.79)[1] == pytest.approx(625, abs=2)


@pytest.mark.parametrize("top_p", [0.3, 0.9, 0.99, 1.0])
def test_a_large_vocabulary_is_drawn_from_in_the_order_of_its_ids(top_p: float) -> None:
    logits = np.random.default_rng(1).normal(0, 3, 1000).astype(np.float32)
    logits[BEGIN] = -50  # as the model has it
    probabilities = np.exp(logits) / np.exp(logits).sum()
    likeliest = np.argsort(-probabilities)
    reached = np.cumsum(probabilities[likeliest]) >= top_p
    nucleus = np.sort(likeliest[: reached.argmax() + 1] if top_p < 1 else likeliest)
    uniforms = np.linspace(0, 1, 4000, endpoint=False, dtype=np.float32)
    uniforms[-1] = np.nextafter(np.float32(1), np.float32(0))
    drawn = np.asarray(generate._draw(np.tile(logits, (4000, 1)), uniforms, 1.0, top_p))
    assert set(drawn) <= set(nucleus)
    shares = np.cumsum(probabilities[nucleus] / probabilities[nucleus].sum())
    expected = nucleus[np.minimum(np.searchsorted(shares, uniforms, "right"), len(nucleus) - 1)]
    assert np.mean(drawn == expected) > 0.99  # rounding moves the borders


def test_rounding_draws_nothing_impossible() -> None:
    # Numbers beside the borders of the blocks, where sums in two orders disagree.
    random = np.random.default_rng(0)
    logits = random.normal(0, 3, 8192).astype(np.float32)
    weights = np.exp(logits - logits.max())
    weights[random.random(8192) < 0.5] = 0  # the first of a block among them
    logits[weights == 0] = -1e9
    sums = weights.reshape(-1, 128).sum(1, dtype=np.float64)
    borders = np.float32(np.cumsum(sums) / sums.sum())[:-1]
    uniforms = (borders[:, None] + np.arange(-32, 32) * 2.0**-24).astype(np.float32).ravel()
    drawn = np.asarray(generate._draw(np.tile(logits, (len(uniforms), 1)), uniforms, 1.0, 1.0))
    assert (weights[drawn] > 0).all()


def test_top_k_keeps_the_k_likeliest() -> None:
    assert choose([1e-9, 0.5, 0.25, 0.15, 0.1], top_k=2) == pytest.approx({1: 667, 2: 333}, abs=2)


def test_the_beginning_is_never_drawn() -> None:
    assert choose([0.9, 0.05, 0.05]) == pytest.approx({1: 500, 2: 500}, abs=2)
    assert choose([0.9, 0.06, 0.04], temperature=0) == {1: 1000}


def test_the_loop_draws_what_the_model_says_tweet_by_tweet() -> None:
    # Of random weights everything counts: one token seen too few or too many changes the rest.
    model = TweetModel(ModelConfig(vocabulary_size=8, context=32, width=16, layers=2, heads=2))
    random = np.random.default_rng(0)
    for weights in model.named_weights().values():
        weights.assign(random.normal(0, 0.3, weights.shape))
    prefixes = random.integers(2, 8, (3, 6)).astype(np.int32)
    uniforms = random.random((90, 3), np.float32)
    sampler, options = generate._Sampler(model, 15), GenerateOptions(temperature=1.0, top_p=1.0)

    def told_slowly(row: int, time: int) -> list[int]:
        """The tweet that a row starts at a time, by the whole model for each token."""
        ids = np.zeros((1, 6 + sampler.longest), np.int32)
        ids[0, :6] = prefixes[row]
        for place in range(6, ids.shape[1]):
            logits = model(ids)[:, place - 1]
            uniform = uniforms[time + place - 6, row : row + 1]
            token = generate._choose(logits, uniform, temperature=1.0, top_p=1.0, top_k=0)
            ids[0, place] = int(token[0])
            if ids[0, place] == END:
                break
        return [int(id_) for id_ in ids[0, 6 : place + 1]]

    expected = []
    starts = [(0, row) for row in range(3)]
    with unfused():
        for _ in range(10):
            time, row = min(starts)
            expected.append(told_slowly(row, time))
            starts[row] = (time + len(expected[-1]), row)
    tokens = sampler(prefixes, uniforms, 10, options).tolist()
    assert [row[: len(tweet)] for row, tweet in zip(tokens, expected, strict=True)] == expected
    assert len({len(tweet) for tweet in expected}) > 2


WORD = 2  # the only token besides END that `Coin` knows


class Coin:
    """A model that ends a tweet by the toss of a coin: a number under 0.4 is END, else WORD."""

    config = ModelConfig(vocabulary_size=3, context=32, width=2, layers=1, heads=1)

    def prefill(self, ids: Any) -> tuple[Any, list[Any]]:
        return self._logits(ids.shape[0]), []

    def decode(self, ids: Any, *_: Any) -> tuple[Any, list[Any]]:
        return self._logits(ids.shape[0]), []

    def empty_memories(self, batch: int, slots: int) -> list[Any]:
        return []

    @staticmethod
    def _logits(rows: int) -> Any:
        logits = np.log(np.array([[1e-9, 0.4, 0.6]], np.float32))
        return keras.ops.tile(keras.ops.convert_to_tensor(logits), (rows, 1))


def lengths_of(uniforms: Any, count: int) -> list[int]:
    """The lengths of `count` tweets tossed by `Coin`, 0 for an unfinished one."""
    sampler = generate._Sampler(cast(TweetModel, Coin()), 15)
    starts = np.full((uniforms.shape[1], 1), BEGIN, np.int32)
    options = GenerateOptions(temperature=1.0, top_p=1.0)
    tokens = sampler(starts, uniforms.astype(np.float32), count, options)
    assert tokens.shape == (count, sampler.longest)
    assert set(tokens.ravel().tolist()) <= {BEGIN, END, WORD}
    return [row.index(END) + 1 if END in row else 0 for row in tokens.tolist()]


def test_the_first_tweets_to_start_are_returned_however_long_they_are() -> None:
    words, end = 0.9, 0.1
    uniforms = np.full((60, 2), end)  # a row of tweets of one token
    uniforms[:9, 0] = words  # beside one of ten
    assert lengths_of(uniforms, 4) == [10, 1, 1, 1]
    uniforms[10:14, 0] = words
    assert lengths_of(uniforms, 12) == [10, *[1] * 10, 5]


def test_a_tweet_without_an_end_is_unfinished_and_its_row_goes_on() -> None:
    uniforms = np.full((60, 1), 0.9)
    uniforms[20] = uniforms[25] = 0.1
    assert lengths_of(uniforms, 3) == [0, 6, 5]


def test_lengths_have_no_bias() -> None:
    # Geometric lengths of mean 2.5. To take the first to end would favour the short ones.
    uniforms = np.random.default_rng(0).random((15 * 40, 32))
    lengths = lengths_of(uniforms, 500)
    assert np.mean(lengths) == pytest.approx(2.5, abs=3 * 1.94 / 500**0.5)
    assert np.mean(lengths[:32]) == pytest.approx(2.5, abs=3 * 1.94 / 32**0.5)


# ------------------------------------------------------------------ the output

TWEETS = ["one", 'two, "quoted"\nlines', "drei 🎉"]
ORIGIN = {"model": "m", "seed": 7}


@pytest.mark.parametrize("to_stdout", [True, False])
@pytest.mark.parametrize("form", ["text", "jsonl", "csv"])
def test_every_format_says_it_whole(
    form: Format, to_stdout: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "out"
    with writing(STDOUT if to_stdout else str(path), form, ORIGIN) as write_:
        for tweet in TWEETS:
            write_(tweet)
    output = capsys.readouterr().out if to_stdout else path.read_bytes().decode()
    assert output.endswith("\n")
    if form == "text":
        assert output.splitlines() == ["one", 'two, "quoted" lines', "drei 🎉"]
        return
    if form == "jsonl":
        records = [json.loads(line) for line in output.splitlines()]
        assert all(record["synthetic"] is True for record in records)
    else:
        records = list(csv.DictReader(io.StringIO(output, newline="")))
    assert [record["text"] for record in records] == TWEETS
    assert all(str(record["synthetic"]) == "True" for record in records)
    assert all((record["model"], int(record["seed"])) == ("m", 7) for record in records)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), writing(str(path), "text", ORIGIN) as write_:
        write_("half")
        raise KeyboardInterrupt
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    assert path.read_text() == "old"

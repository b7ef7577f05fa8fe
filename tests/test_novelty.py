"""What counts as a copy, clause by clause and against a slow reference."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twitterbot.novelty import CHARACTER_SHARE, STOCK_LENGTH, CopyFilter, stock_hash
from twitterbot.text import LINK, MENTION, fold

LONG = "the quiet miller counts his seventeen sacks of winter rye before the bells ring"


@pytest.mark.parametrize(
    ("training", "text", "is_copy"),
    [
        # Equal, in whatever case, spacing and company of links and mentions.
        ("Good morning, harbour!", "good  MORNING,\nharbour!", True),
        ("Good morning, harbour!", f"{MENTION} Good morning, harbour! {LINK}", True),
        # Whole inside a training tweet.
        (LONG, "seventeen sacks of winter rye", True),
        (LONG, "seventeen gulls, nineteen lanterns, no rye", False),
        # Holding a whole training tweet of three words or more.
        (
            "oh my rye",
            "Nobody expected this at the fair this morning, but oh my rye it happened",
            True,
        ),
        ("my rye", "Nobody expected this at the fair this morning, but my rye it happened", False),
        (
            "oh my rye",
            "Nobody expected this at the fair this morning, but oh my ryes happened",
            False,
        ),
        # A run of eight words in common, at any place.
        (
            LONG,
            "Look up and see how he counts his seventeen sacks of winter rye before "
            "anyone else in the wide valley has so much as opened one sleepy eye this morning",
            True,
        ),
        (
            LONG,
            "Look up and see how he counts his seventeen sacks of winter rye while "
            "anyone else in the wide valley has so much as opened one sleepy eye this morning",
            False,
        ),
        # More than 60 % of the characters in one run, at any place.
        ("abcdefghijkl", "xabcdefgyz", True),  # 7 of 10
        ("abcdefghijkl", "xyabcdefzx", False),  # 6 of 10
        ("hello there!", "ab hello there! cdef", False),  # 12 of 20: the spaces are no part of it
        ("something else", "", True),
        ("something else", f" {LINK}", True),
    ],
)
def test_a_copy_is_what_the_definition_says(training: str, text: str, is_copy: bool) -> None:
    assert CopyFilter(["unrelated words", training]).is_copy(text) is is_copy


def test_a_run_does_not_reach_over_two_training_tweets() -> None:
    known = CopyFilter(["abcdefgh", "ijklmnop", "one two three four", "five six seven eight"])
    assert not known.is_copy("efghijkl")
    assert not known.is_copy("one two three X four five six seven Y eight")


def test_without_training_tweets_only_the_empty_text_is_a_copy() -> None:
    known = CopyFilter([])
    assert known.is_copy("")
    assert not known.is_copy("a")
    assert not CopyFilter(["", f"{LINK}"]).is_copy("a b c d e f g h i")


def test_a_stock_tweet_is_a_copy_whole_and_in_whatever_company() -> None:
    known = CopyFilter([], [hashed for hashed in map(stock_hash, [LONG, "rye"]) if hashed])
    assert known.is_copy(f"{MENTION} {LONG.upper()}\n{LINK}")
    assert not known.is_copy(f"{LONG} again")
    assert not known.is_copy(LONG[:-1])
    assert not known.is_copy("rye")


def test_what_is_too_short_is_no_stock_tweet() -> None:
    assert stock_hash(f"{LINK}  {'a' * STOCK_LENGTH}") is None
    assert stock_hash("a" * (STOCK_LENGTH + 1)) is not None


def reference(training: list[str], text: str) -> bool:
    """The definition, spelt out without a thought for speed."""
    folded = fold(text)
    known = [fold(each) for each in training if fold(each)]
    words = folded.split()

    def runs(sequence: Any, size: int) -> list[Any]:
        return [sequence[start : start + size] for start in range(len(sequence) - size + 1)]

    def shares(a: str, b: str) -> bool:
        longest = max(
            (size for size in range(len(a) + 1) if any(run in b for run in runs(a, size))),
            default=0,
        )
        return longest > 0.6 * len(a)

    return (
        not folded
        or any(folded in each for each in known)
        or any(
            len(each.split()) >= 3 and each.split() in runs(words, len(each.split()))
            for each in known
        )
        or any(run in runs(each.split(), 8) for each in known for run in runs(words, 8))
        or any(shares(folded, each) for each in known)
    )


small_texts = st.text("ab .", max_size=24) | st.lists(
    st.sampled_from(["a", "b", "ba", "longerword"]), max_size=20
).map(" ".join)


@settings(deadline=None, max_examples=400)
@given(st.lists(small_texts, max_size=4), small_texts)
def test_the_filter_agrees_with_a_slow_reference(training: list[str], text: str) -> None:
    assert CopyFilter(training).is_copy(text) is reference(training, text)


# ------------------------------------------------------------------ the nearest one


def longest_run(text: str, training: list[str]) -> int:
    """The length of the longest part of `text` in one of the training texts, all folded."""
    known = [fold(each) for each in training]
    parts = (text[a:b] for a in range(len(text)) for b in range(a + 1, len(text) + 1))
    return max((len(part) for part in parts if any(part in each for each in known)), default=0)


@settings(deadline=None, max_examples=300)
@given(st.lists(small_texts, max_size=4), small_texts)
def test_the_nearest_shares_the_longest_run(training: list[str], text: str) -> None:
    folded = fold(text)
    longest = longest_run(folded, training)
    match = CopyFilter(training).nearest(text)
    if match is None:
        assert longest == 0
        return
    assert match.source in training
    assert match.run in folded
    assert match.run in fold(match.source)
    assert len(match.run) == longest
    assert match.share == longest / len(folded)
    if match.share > CHARACTER_SHARE:
        assert CopyFilter(training).is_copy(text)


worded = st.text("aB b.\n" + LINK + MENTION, max_size=30)


@settings(deadline=None, max_examples=300)
@given(st.lists(worded, min_size=1, max_size=3), worded)
def test_spans_are_equal_when_folded(training: list[str], text: str) -> None:
    match = CopyFilter(training).nearest(text)
    if match is None:
        return
    shared = [fold(text[start:end]) for start, end in match.spans]
    assert shared == [fold(match.source[start:end]) for start, end in match.source_spans]
    assert match.run.strip() == "" or len(match.run.strip()) in map(len, shared)
    assert match.spans == sorted(match.spans)
    assert all("" != text[start:end] == text[start:end].strip() for start, end in match.spans)


def test_the_nearest_is_shown_as_it_stands() -> None:
    source = f"{MENTION} Good Morning,\n  Harbour {LINK}"
    match = CopyFilter([LONG, source, f"{source} and its long, long mole"]).nearest(
        "A very GOOD morning, harbour!"
    )
    assert match is not None
    assert match.source == source
    assert match.run == "good morning, harbour"
    assert match.words == 2  # "harbour!" is another word
    assert match.spans == [(7, 28)]
    assert [source[start:end] for start, end in match.source_spans] == ["Good Morning,\n  Harbour"]
    assert match.share == 21 / 29


def test_letters_that_fold_to_two_are_counted_as_two() -> None:
    match = CopyFilter(["Grüße aus der Straße"]).nearest("GRÜSSE AUS DER STRASSE!")
    assert match is not None
    assert match.share == 22 / 23
    assert match.spans == [(0, 22)]
    assert match.source_spans == [(0, 20)]


def test_nothing_is_near_where_nothing_is_shared() -> None:
    assert CopyFilter([]).nearest("gull") is None
    assert CopyFilter(["gull"]).nearest("xyz") is None
    assert CopyFilter(["gull"]).nearest(LINK) is None

"""The tweet record and its file."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twitterbot import tweets
from twitterbot.errors import TwitterbotError
from twitterbot.tweets import KINDS, Tweet

any_text = st.text(st.characters(exclude_categories=["Cs"]))
any_tweet = st.builds(
    Tweet,
    id=st.from_regex(r"0|[1-9][0-9]{0,24}|[a-z][0-9a-f-]{1,20}", fullmatch=True),
    text=any_text,
    created_at=st.none() | st.from_regex(r"20[0-9]{2}-0[1-9]-0[1-9]T0[0-9]:00:00Z", fullmatch=True),
    author=st.none() | any_text,
    kind=st.sampled_from(KINDS),
    lang=st.none() | any_text,
)


@given(any_tweet)
def test_a_record_comes_back_as_it_was(tweet: Tweet) -> None:
    line = tweet.to_json()
    assert "\n" not in line
    assert Tweet.from_json(line) == tweet


@given(st.lists(any_tweet, max_size=20))
def test_unique_sorts_and_the_last_one_stays(given_tweets: list[Tweet]) -> None:
    result = tweets.unique(given_tweets)
    last = {tweet.id: tweet for tweet in given_tweets}
    assert {tweet.id: tweet for tweet in result} == last
    assert len(result) == len(last)
    numbers = [int(tweet.id) for tweet in result if tweet.id.isdigit()]
    assert numbers == sorted(numbers)
    assert all(tweet.id.isdigit() for tweet in result[: len(numbers)])


def test_made_ids_come_last_in_the_order_of_time() -> None:
    ids = ["99", "d20200102000000-0", "100", "n000000002-0", "d20190102000000-f", "n000000001-f"]
    assert [tweet.id for tweet in tweets.unique(Tweet(each, "") for each in ids)] == [
        *("99", "100", "d20190102000000-f", "d20200102000000-0", "n000000001-f", "n000000002-0")
    ]


def test_an_id_of_thousands_of_digits_is_sorted_like_any(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    tweets.write(path, [Tweet("9" * 5000, "huge"), Tweet("7", "seven"), Tweet("10", "ten")])
    assert [tweet.text for tweet in tweets.read(path)] == ["seven", "ten", "huge"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[]", "not a JSON object"),
        ('{"id": 1, "text": "a"}', "`id` must be a string"),
        ('{"id": "", "text": "a"}', "`id` must be a string"),
        ('{"id": "1"}', "`text` must be a string"),
        ('{"id": "1", "text": null}', "`text` must be a string"),
        ('{"id": "1", "text": "a", "kind": "joke"}', "`kind` must be one of"),
        ('{"id": "1", "text": "a", "created_at": "yesterday"}', "`created_at` must be like"),
        ('{"id": "1", "text": "a", "author": 1}', "`author` must be a string"),
        ('{"id": "1", "text": "\\ud83d"}', "`text` must be valid Unicode"),
        ("{half", "Expecting"),
    ],
)
def test_a_bad_line_is_named_with_its_file_and_number(
    tmp_path: Path, line: str, reason: str
) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"id": "1", "text": "fine"}\n\n' + line + "\n")
    with pytest.raises(TwitterbotError) as caught:
        tweets.read(path)
    assert str(caught.value).startswith(f"{path}, line 3: not a tweet record (")
    assert reason in str(caught.value)


def test_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"id": "1", "text": "caf\xe9"}\n')
    with pytest.raises(TwitterbotError, match="line 1: not a tweet record \\(not UTF-8\\)"):
        tweets.read(path)
    with pytest.raises(TwitterbotError, match="cannot read"):
        tweets.read(tmp_path / "gone.jsonl")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    assert tweets.write(path, [Tweet("1", "old")]) == 1
    with pytest.raises(UnicodeEncodeError):
        tweets.write(path, [Tweet("1", "new"), Tweet("2", "\ud83d")])
    assert [tweet.text for tweet in tweets.read(path)] == ["old"]
    assert list(tmp_path.iterdir()) == [path]


def test_find_takes_a_path_or_a_name_in_any_case(tmp_path: Path) -> None:
    path = tweets.path_for("SomeBody", tmp_path)
    tweets.write(path, [Tweet("1", "a")])
    assert path.name == "somebody.jsonl"
    assert tweets.find("@SOMEBODY", tmp_path) == path
    assert tweets.find(str(path), tmp_path) == path
    long_name = tweets.path_for("my-old-tweets-of-2009", tmp_path)
    tweets.write(long_name, [Tweet("1", "a")])
    assert tweets.find("my-old-tweets-of-2009", tmp_path) == long_name
    with pytest.raises(TwitterbotError, match="no tweets at nobody"):
        tweets.find("nobody", tmp_path)


def test_others_are_those_that_can_be_read(tmp_path: Path) -> None:
    for name in ("quist", "milla", "tarn"):
        tweets.write(tweets.path_for(name, tmp_path), [Tweet("1", name)])
    (tmp_path / "broken.jsonl").write_text("no tweets\n")
    (tmp_path / ".hidden.jsonl").write_text(Tweet("1", "hidden").to_json())
    (tmp_path / "folder.jsonl").mkdir()
    found = tweets.others(tweets.path_for("milla", tmp_path), tmp_path)
    assert list(found) == [("quist", [Tweet("1", "quist")]), ("tarn", [Tweet("1", "tarn")])]


def test_newest_file_is_the_one_written_last(tmp_path: Path) -> None:
    with pytest.raises(TwitterbotError, match="run `twitterbot fetch HANDLE` or"):
        tweets.newest_file(tmp_path)
    for age, name in enumerate(("new", "old")):
        tweets.write(tmp_path / f"{name}.jsonl", [Tweet("1", name)])
        os.utime(tmp_path / f"{name}.jsonl", (1e9 - age, 1e9 - age))
    assert tweets.newest_file(tmp_path).stem == "new"

"""X's API v2 shapes, in both vocabularies, as tweet records. All texts are invented."""

import html
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twitterbot import payloads
from twitterbot.tweets import Tweet

ID = "1790000000000000123"


def post(text: str, **more: Any) -> dict[str, Any]:
    return {"id": ID, "text": text, **more}


def text_of(post: dict[str, Any], includes: Any = None) -> str | None:
    tweet = payloads.from_v2(post, includes)
    return None if tweet is None else tweet.text


def link(text: str, short: str, expanded: str = "https://example.org/a", **more: Any) -> Any:
    start = text.index(short)
    url = {"start": start, "end": start + len(short), "url": short, "expanded_url": expanded}
    return {**url, **more}


def test_all_the_fields() -> None:
    tweet = payloads.from_v2(
        post(
            "@reader nice &amp; warm &lt;3",
            created_at="2024-05-06T07:08:09.000Z",
            author_id="5",
            lang="en",
            in_reply_to_user_id="9",
            referenced_tweets=[{"type": "replied_to", "id": "1"}],
        ),
        {"users": [{"id": "4", "username": "other"}, {"id": "5", "username": "Quill"}]},
    )
    assert tweet == Tweet(
        id=ID,
        text="@reader nice & warm <3",
        created_at="2024-05-06T07:08:09Z",
        author="Quill",
        kind="reply",
        lang="en",
    )


def test_author_stands_in_for_a_missing_one() -> None:
    for more in ({}, {"author_id": "5"}):
        tweet = payloads.from_v2(post("hello", **more), author="Quill")
        assert tweet is not None and tweet.author == "Quill"
    merged = payloads.from_v2(post("hello", author={"username": "Heron"}), author="Quill")
    assert merged is not None and merged.author == "Heron"


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({}, "original"),
        ({"in_reply_to_user_id": "9"}, "reply"),
        ({"referenced_tweets": [{"type": "quoted", "id": "1"}]}, "quote"),
        ({"referenced_posts": [{"type": "retweeted", "id": "1"}]}, "retweet"),
        (
            {
                "referenced_posts": [
                    {"type": "quoted", "id": "1"},
                    {"type": "replied_to", "id": "2"},
                ]
            },
            "reply",
        ),
    ],
)
def test_kinds(more: dict[str, Any], kind: str) -> None:
    tweet = payloads.from_v2(post("hello", **more))
    assert tweet is not None and tweet.kind == kind


def test_text_is_unescaped_once() -> None:
    assert text_of(post("&amp;amp; &amp;lt;b&gt;")) == "&amp; &lt;b>"


def test_links_are_expanded_by_code_points_in_the_escaped_text() -> None:
    text = "👩\u200d👧 &amp; https://t.co/aaaaaaaaaa &lt; https://t.co/bbbbbbbbbb!"
    urls = [
        link(text, "https://t.co/aaaaaaaaaa", "https://example.org/?a=1&copy=2"),
        link(text, "https://t.co/bbbbbbbbbb", "https://example.org/&amp"),
    ]
    expected = "👩\u200d👧 & https://example.org/?a=1&copy=2 < https://example.org/&amp!"
    assert text_of(post(text, entities={"urls": urls})) == expected


@pytest.mark.parametrize(
    "url",
    [
        {"media_key": "3_1"},
        {"display_url": "pic.twitter.com/abc"},
        {"display_url": "pic.x.com/abc"},
        {"expanded_url": f"https://x.com/Quill/status/{ID}/photo/1"},
        {"expanded_url": "https://twitter.com/Heron/status/77"},
        {"expanded_url": "https://x.com/Heron/status/77?s=20"},
    ],
)
def test_attachments_are_dropped(url: dict[str, str]) -> None:
    text = "look https://t.co/aaaaaaaaaa here"
    entity = link(text, "https://t.co/aaaaaaaaaa", **url)
    quoting = {"referenced_tweets": [{"type": "quoted", "id": "77"}]}
    # Each photo of several has an entity of its own over the same span.
    assert text_of(post(text, entities={"urls": [entity, entity]}, **quoting)) == "look here"


def test_link_to_another_post_stays() -> None:
    text = "see https://t.co/aaaaaaaaaa"
    url = link(text, "https://t.co/aaaaaaaaaa", "https://x.com/Heron/status/78")
    assert text_of(post(text, entities={"urls": [url]})) == "see https://x.com/Heron/status/78"


def test_nothing_but_an_attachment_is_no_text() -> None:
    text = "https://t.co/aaaaaaaaaa"
    url = link(text, text, media_key="3_1")
    assert payloads.from_v2(post(text, entities={"urls": [url]})) is None


@pytest.mark.parametrize("name", ["note_tweet", "note_post"])
def test_long_post_is_whole(name: str) -> None:
    text = "long " * 90 + "&amp; https://t.co/aaaaaaaaaa end"
    note = {"text": text, "entities": {"urls": [link(text, "https://t.co/aaaaaaaaaa")]}}
    short = {"urls": [{"start": 0, "end": 4, "url": "https://t.co/elsewhere"}]}
    whole = "long " * 90 + "& https://example.org/a end"
    assert text_of(post(text[:276] + "…", entities=short, **{name: note})) == whole


@pytest.mark.parametrize(
    ("references", "tweets"),
    [("referenced_tweets", "tweets"), ("referenced_posts", "posts")],
)
def test_retweet_is_whole_where_the_original_is_held(references: str, tweets: str) -> None:
    original = {"id": "77", "text": "cut…", "note_tweet": {"text": "The whole of it &amp; more"}}
    retweet = post("RT @Heron: The wh…", **{references: [{"type": "retweeted", "id": "77"}]})
    whole = "RT @Heron: The whole of it & more"
    assert text_of(retweet, {tweets: [{"id": "1"}, original]}) == whole
    assert text_of(retweet, {tweets: []}) == "RT @Heron: The wh…"
    merged = {references: [{"type": "retweeted", **original}]}
    assert text_of(post("RT @Heron: The wh…", **merged)) == whole


def test_link_behind_the_end_of_a_cut_retweet() -> None:
    url = {"start": 30, "end": 53, "url": "https://t.co/aaaaaaaaaa"}
    cut = post("RT @Heron: words https://t.co/…", entities={"urls": [url]})
    cut["referenced_tweets"] = [{"type": "retweeted", "id": "77"}]
    assert text_of(cut) == "RT @Heron: words https://t.co/…"


def test_withheld_text_is_not_the_authors() -> None:
    notice = "@Quill's account is temporarily unavailable because it violates the media policy."
    url = {"start": 3, "end": 26, "url": "https://t.co/aaaaaaaaaa", "expanded_url": "https://a.b"}
    assert payloads.from_v2(post(notice, entities={"urls": [url]})) is None
    assert payloads.from_v2(post("words", withheld={"country_codes": ["XX"]})) is None
    retweet = post("RT @Heron: w", referenced_tweets=[{"type": "retweeted", "id": "77"}])
    original = {"id": "77", "text": "words", "withheld": {"copyright": True}}
    assert payloads.from_v2(retweet, {"tweets": [original]}) is None


def test_link_of_the_time_before_t_co() -> None:
    text = "old http://example.org/?a&amp;b"
    url = {"start": 4, "end": len(text), "url": "http://example.org/?a&b"}
    assert text_of(post(text, entities={"urls": [url]})) == "old http://example.org/?a&b"


def test_half_a_character_becomes_a_whole_one() -> None:
    tweet = payloads.from_v2(post("broken \ud83d emoji"))
    assert tweet is not None and tweet.text == "broken \ufffd emoji"
    assert tweet.to_json().encode()


@pytest.mark.parametrize(
    ("given_time", "expected"),
    [
        (None, None),
        ("2024-05-06T07:08:09Z", "2024-05-06T07:08:09Z"),
        ("2024-05-06T07:08:09.123+02:00", "2024-05-06T05:08:09Z"),
        ("2024-05-06 07:08:09", "2024-05-06T07:08:09Z"),
    ],
)
def test_times(given_time: str | None, expected: str | None) -> None:
    tweet = payloads.from_v2(post("x", created_at=given_time))
    assert tweet is not None and tweet.created_at == expected


@pytest.mark.parametrize("name", ["edit_history_tweet_ids", "edit_history_post_ids"])
def test_earlier_versions(name: str) -> None:
    earlier = str(int(ID) - 9)
    assert payloads.earlier_versions(post("x", **{name: [earlier, ID]})) == [earlier]
    assert payloads.earlier_versions(post("x", **{name: ["?", 3, None]})) == []
    assert payloads.earlier_versions(post("x")) == []


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        "post",
        {},
        {"id": ID},
        {"text": "x"},
        {"id": "12a", "text": "x"},
        {"id": -1, "text": "x"},
        {"id": True, "text": "x"},
        {"id": "²", "text": "x"},
        {"id": ID, "text": 5},
        {"id": ID, "text": "x", "created_at": 5},
        {"id": ID, "text": "x", "created_at": "yesterday"},
        {"id": ID, "text": "x", "created_at": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_malformed_post(bad: Any) -> None:
    with pytest.raises(ValueError):
        payloads.from_v2(bad)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
URLS = st.lists(
    JSON | st.fixed_dictionaries({"start": JSON, "end": JSON, "url": JSON, "expanded_url": JSON}),
    max_size=3,
)
REFERENCES = st.lists(
    JSON
    | st.fixed_dictionaries(
        {"type": st.sampled_from(["quoted", "retweeted", "replied_to"]), "id": JSON}
    ),
    max_size=3,
)


@given(
    st.fixed_dictionaries(
        {"id": st.just(ID) | JSON, "text": st.text() | JSON},
        optional={
            "created_at": st.none() | st.text(max_size=12) | JSON,
            "entities": JSON | st.fixed_dictionaries({"urls": URLS | JSON}),
            "note_tweet": JSON | st.fixed_dictionaries({"text": JSON, "entities": JSON}),
            "referenced_tweets": REFERENCES | JSON,
            "edit_history_tweet_ids": JSON,
            "author": JSON,
            "author_id": JSON,
            "withheld": JSON,
            "lang": JSON,
        },
    ),
    JSON | st.fixed_dictionaries({"tweets": JSON, "users": JSON}),
)
def test_any_json_gives_a_record_or_a_value_error(data: Any, includes: Any) -> None:
    try:
        tweet = payloads.from_v2(data, includes)
        payloads.earlier_versions(data)
    except ValueError:
        return
    if tweet is not None:
        assert Tweet.from_json(tweet.to_json()) == tweet


@given(st.lists(st.text(), min_size=1, max_size=6), st.lists(st.text(min_size=1), max_size=5))
def test_splice_is_exact(parts: list[str], links: list[str]) -> None:
    """Escaped parts with spans between them come out as the parts and the replacements."""
    text, spans, expected = "", {}, ""
    for index, part in enumerate(parts):
        text += html.escape(part, quote=False)
        expected += part
        if index < len(links):
            spans[len(text), len(text) + 3] = links[index]
            text += "URL"
            expected += links[index]
    # Of characters that HTML cannot spell, unescaping leaves what it finds.
    assert payloads.splice(text, spans) == expected.strip()

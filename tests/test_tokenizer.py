"""Any text comes back whole, and no text spells a control token."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import invented_tweets
from twitterbot.errors import TwitterbotError
from twitterbot.text import LINK, MENTION
from twitterbot.tokenizer import BEGIN, END, Tokenizer

any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
TOKENIZER = Tokenizer.train(invented_tweets("tarn", 100), 400)


@settings(deadline=None)
@given(st.lists(any_text, max_size=4))
def test_any_text_comes_back_exactly(texts: list[str]) -> None:
    encoded = TOKENIZER.encode(texts)
    assert [TOKENIZER.decode(ids) for ids in encoded] == texts
    assert all(id_ not in (BEGIN, END) for ids in encoded for id_ in ids)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n",
        "\t\r\n",
        "🎉👨‍👩‍👧‍👦🇩🇪",
        "e\u0301 ne\u0304",
        "漢字 كتاب",
        f"{LINK}{MENTION} {LINK}",
    ],
)
def test_awkward_texts_come_back_exactly(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode([text])[0]) == text


@pytest.mark.parametrize("text", ["<|end|>", "a<|begin|>b", "<|end|> <|end|>"])
def test_text_that_spells_a_control_token_is_ordinary_text(text: str, tmp_path: Path) -> None:
    TOKENIZER.save(tmp_path / "tokenizer.json")
    for tokenizer in (TOKENIZER, Tokenizer.load(tmp_path / "tokenizer.json")):
        (ids,) = tokenizer.encode([text])
        assert not {BEGIN, END} & set(ids)
        assert tokenizer.decode(ids) == text


def test_placeholders_are_single_tokens_and_frequent_words_are_short() -> None:
    link, mention, word = TOKENIZER.encode([LINK, MENTION, " harbour"])
    assert len(link) == len(mention) == len(word) == 1


def test_training_is_repeatable_and_keeps_to_the_size() -> None:
    again = Tokenizer.train(invented_tweets("tarn", 100), 400)
    assert again.to_json() == TOKENIZER.to_json()
    assert again.vocabulary_size == 400


def test_bytes_that_are_no_text_decode_to_the_replacement_character() -> None:
    (ids,) = TOKENIZER.encode(["🎉"])
    assert len(ids) > 1
    assert "\ufffd" in TOKENIZER.decode(ids[:-1])


def test_a_saved_tokenizer_loads_as_it_was(tmp_path: Path) -> None:
    TOKENIZER.save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json")
    assert loaded.to_json() == TOKENIZER.to_json()
    text = f"The anchor argues, {MENTION} 🎉"
    assert loaded.encode([text]) == TOKENIZER.encode([text])


@pytest.mark.parametrize("content", [b"", b"{}", b"[1, 2]", b'{"version": "1.0"', b"\xff\xfe"])
def test_a_broken_file_is_named_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(TwitterbotError) as caught:
        Tokenizer.load(path)
    assert str(caught.value).startswith(f"{path} is not a tokenizer file")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TwitterbotError, match=r"cannot read .*tokenizer\.json"):
        Tokenizer.load(tmp_path / "tokenizer.json")

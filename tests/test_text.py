"""The normal form of texts, its way back, and X's weighted count."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twitterbot.text import (
    LINK,
    MENTION,
    fold,
    frequent_handles,
    is_cut,
    normalize,
    restore,
    weighted_length,
)

L, M = LINK, MENTION

any_text = st.text(max_size=60)
# Pieces that meet in unlucky ways, which random characters hardly ever do.
pieces = st.lists(
    st.sampled_from(
        [
            *("https://", "http", "://", "t.co", "/", "www.", "pic.twitter.com/", ".", " ", "\n"),
            *("@", "ada", "@ada", "ada@", "_", "\xe9", "e", "\u0301", "\0", "\r", "\r\n", "(", ")"),
            *(L, M, "\ud83d", "\u2026", "\u201d", "\u3042", "\U0001f389"),
        ]
    ),
    max_size=12,
).map("".join)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://ex.am/ple starts", f"{L} starts"),
        ("ends with http://ex.am/ple", f"ends with {L}"),
        ("in the https://ex.am/p?a=1&b=2#c middle", f"in the {L} middle"),
        ("two https://ex.am/1 https://ex.am/2", f"two {L} {L}"),
        ("on lines\nhttps://ex.am/1\nhttps://ex.am/2", f"on lines\n{L}\n{L}"),
        ("shouted HTTPS://EX.AM/PLE", f"shouted {L}"),
        ("glued:https://ex.am/ple", f"glued:{L}"),
        ("short www.ex.am, pic.twitter.com/a1B2 and t.co/a1B2", f"short {L}, {L} and {L}"),
        ("photopic.twitter.com/a1B2", f"photo{L}"),
        ("Awwww.so cute, says pinterest.co/x", "Awwww.so cute, says pinterest.co/x"),
        ("ex.am is no link without a scheme", "ex.am is no link without a scheme"),
    ],
)
def test_links_become_one_placeholder_each(text: str, normal: str) -> None:
    assert normalize(text) == normal


@pytest.mark.parametrize(
    "after", [".", ",", "!", "?", "...", ")", "]", '"', "\u201d", "\u2019", ":", "…", ">"]
)
def test_punctuation_behind_a_link_stays(after: str) -> None:
    assert normalize(f"see https://ex.am/ple{after} now") == f"see {L}{after} now"


def test_scripts_without_spaces_and_emoji_end_a_link() -> None:
    assert normalize("詳細はhttps://ex.am/pleをどうぞ") == f"詳細は{L}をどうぞ"
    assert normalize("here https://ex.am/ple🎉✨") == f"here {L}🎉✨"


@pytest.mark.parametrize(
    "text",
    ["so it ends http…", "so it ends https://…", "so it ends http://", "https:// so it ends"],
)
def test_what_is_left_of_a_cut_link_goes(text: str) -> None:
    assert normalize(text) == "so it ends"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("@ada hello", f"{M} hello"),
        ("hello @ada", f"hello {M}"),
        ("so @ada, @bea_2!", f"so {M}, {M}!"),
        (".@ada said (@bea's words)", f".{M} said ({M}'s words)"),
        ("“@ada: quoted”", f"“{M}: quoted”"),
        ("ada@ex.am and first.last@ex.am are addresses",) * 2,
        ("@ada@social.ex is a handle of elsewhere",) * 2,
        ("ex.am/@ada is a page",) * 2,
        ("@this_is_longer_than_15 characters",) * 2,
        ("alone @ and @-",) * 2,
    ],
)
def test_mentions_become_placeholders_and_addresses_do_not(text: str, normal: str) -> None:
    assert normalize(text) == normal


def test_kept_handles_stay_words_in_their_own_spelling() -> None:
    assert normalize("@Ada, @ADA and @bea", {"ada"}) == f"@Ada, @ADA and {M}"


def test_line_breaks_composition_and_edges_have_one_form() -> None:
    assert normalize(" a\r\nb\rc\n") == "a\nb\nc"
    assert normalize("cafe\u0301") == "caf\xe9"
    assert normalize("e\0\u0301") == "\xe9"


def test_no_placeholder_nor_lone_surrogate_comes_in_with_the_text() -> None:
    assert normalize(f"a{L}b{M}c\ud83dd") == "abcd"


@settings(deadline=None)
@given(any_text | pieces)
def test_normalize_is_idempotent(text: str) -> None:
    # A second time takes away the placeholders that the first has put; all else stays.
    once = normalize(text)
    plain = normalize(once)
    assert normalize(plain) == plain
    if L not in once and M not in once:
        assert plain == once


@settings(deadline=None)
@given(any_text | pieces, st.sampled_from(["", "[link]"]), st.sampled_from(["", "@user"]))
def test_restore_leaves_no_placeholder(text: str, links: str, mentions: str) -> None:
    for given_text in (text, normalize(text)):
        assert not set(restore(given_text, links, mentions)) & {L, M}


def test_restore_spells_placeholders_out_or_drops_them_with_their_space() -> None:
    text = f"{M} see {L} and {L}"
    assert restore(text) == "@user see and"
    assert restore(text, links="[link]", mentions="") == "see [link] and [link]"


def test_fold_forgets_case_spaces_and_placeholders() -> None:
    assert fold(f" Straße\n{L} FÜR  {M}alle ") == "strasse für alle"
    assert fold(f"{L} {M}") == ""


def test_frequent_handles_need_a_share_and_a_least_number() -> None:
    texts = ["@Often and @often again"] * 6 + ["@rare"] * 4 + ["me@often.ex"] * 90
    assert frequent_handles(texts) == {"often"}
    assert frequent_handles(texts, least=3) == {"often", "rare"}
    assert frequent_handles(texts, share=0.05, least=3) == {"often"}
    assert frequent_handles(texts, share=0.07, least=3) == set()


def test_cut_texts_are_long_and_end_in_an_ellipsis() -> None:
    assert is_cut("word " * 27 + "wor…")
    assert is_cut("word " * 27 + "wor… https://t.co/a1B2")
    assert is_cut("word " * 27 + "w ...")
    assert not is_cut("Well…")
    assert not is_cut("Well ...")
    assert not is_cut("word " * 27 + "word.")
    assert not is_cut("word " * 40 + "...")


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("plain words", 11),
        ("caf\xe9", 4),
        ("cafe\u0301", 4),
        ("Привет", 6),
        ("\u201cquoted\u201d \u2013 \u2018so\u2019", 15),
        ("…", 2),  # U+2026 lies outside the light ranges
        ("→", 2),
        ("漢字", 4),
        ("かな", 4),
        ("한글", 4),
        ("🎉", 2),
        ("🎉🎉", 4),
        ("❤️", 2),
        ("©️", 2),
        ("©", 1),
        ("☎️", 2),
        ("🇩🇪", 2),
        ("🇩🇪🇫🇷", 4),
        ("🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f", 2),  # Wales
        ("1️⃣", 2),
        ("#️⃣", 2),
        ("12", 2),
        ("👍🏽", 2),
        ("👨‍👩‍👧‍👦", 2),
        ("👩🏽‍💻", 2),
        ("🏳️‍🌈", 2),
        ("🏴‍☠️", 2),
        ("https://ex.am", 23),
        ("https://ex.am/" + "long" * 50, 23),
        ("see https://ex.am/a, https://ex.am/b", 4 + 23 + 2 + 23),
        ("a" * 280, 280),
        ("漢" * 140, 280),
    ],
)
def test_weighted_length_is_what_x_counts(text: str, length: int) -> None:
    assert weighted_length(text) == length

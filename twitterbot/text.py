"""What the model sees of a tweet: one normal form, with links and mentions as placeholders.

A link or a stranger's handle is noise that a small model can only imitate badly, so
each becomes one private-use character. Scores count characters of this normal form.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable

NORMAL_FORM = 2  # of `normalize`: raised when its result changes, so that no cache outlives it

LINK = "\ue000"
MENTION = "\ue001"

# The last character is never punctuation that ends a sentence or closes a bracket. Emoji and
# scripts that are written without spaces end a link: U+2190 (arrows) and all above.
_URL = re.compile(
    r"(?:https?://|pic\.twitter\.com/|(?<![a-z0-9_])(?:www\.|t\.co/))"
    r"""[^\s<>"\u2190-\U0010ffff]*[^\s<>".,;:!?)\]}'\u2019\u201d…\u2190-\U0010ffff]""",
    re.IGNORECASE,
)
# A bare scheme is what is left of a link that was cut with the tweet.
_CUT_URL = re.compile(r"\bhttps?(?:://?)?(?:t\.?c?o?)?…|https?://", re.IGNORECASE)
# X's own rule: no word character or @ before, at most 15 of [A-Za-z0-9_], not an address.
_MENTION = re.compile(r"(?<![A-Za-z0-9_@/])@([A-Za-z0-9_]{1,15})(?![A-Za-z0-9_@])")
_LONG_MENTION = re.compile(r"(?<![A-Za-z0-9_@/])@[A-Za-z0-9_]{16,}")  # which nobody has
_PLACEHOLDERS = re.compile(f"[{LINK}{MENTION}]")
# What no text may bring along: our own signs, NUL, and the surrogates that UTF-8 cannot spell.
_FOREIGN = re.compile(f"[{LINK}{MENTION}\0\ud800-\udfff]")

# Code points that weigh 1; all others weigh 2. Version 3 of X's counting rule:
# https://docs.x.com/fundamentals/counting-characters, twitter-text's config/v3.json.
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
_URL_WEIGHT = 23
_EMOJI_WEIGHT = 2
# An emoji sequence weighs 2 as a whole: flags, keycaps, skin tones, ZWJ families.
_PICTOGRAPH = "[\xa9\xae\u203c-\u3299\U0001f000-\U0001faff]"
_MODIFIER = "[\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"  # tags: the flag of Wales
_EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"
    "|[0-9#*]\ufe0f?\u20e3"
    f"|{_PICTOGRAPH}{_MODIFIER}+(?:\u200d{_PICTOGRAPH}{_MODIFIER}*)*"
    f"|{_PICTOGRAPH}(?:\u200d{_PICTOGRAPH}{_MODIFIER}*)+"
)


def normalize(text: str, keep_handles: Collection[str] = ()) -> str:
    """The form of `text` that the model reads: NFC, LF, placeholders for links and mentions.

    Handles in `keep_handles` (lower case, without "@") stay words.
    """
    text = unicodedata.normalize("NFC", _FOREIGN.sub("", text))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return hide(text, keep_handles).strip()


def hide(text: str, keep_handles: Collection[str] = ()) -> str:
    """`text` with placeholders in place of its links and of the handles not to keep."""
    text = _CUT_URL.sub("", _URL.sub(LINK, text))

    def mention(match: re.Match[str]) -> str:
        return match[0] if match[1].lower() in keep_handles else MENTION

    return _MENTION.sub(mention, text)


def hide_invented(text: str, keep_handles: Collection[str] = ()) -> str:
    """`hide` for what a model wrote, with handles that are too long for X hidden too."""
    return hide(_LONG_MENTION.sub(MENTION, text), keep_handles)


def restore(text: str, links: str = "", mentions: str = "@user") -> str:
    """`text` with its placeholders spelt out; an empty replacement leaves no double space."""
    for placeholder, replacement in ((LINK, links), (MENTION, mentions)):
        if not replacement:
            text = re.sub(f"[ \t]?{placeholder}", "", text)
        text = text.replace(placeholder, replacement)
    return text.strip()


def fold(text: str) -> str:
    """The form in which texts are compared: lower case, no placeholders, single spaces."""
    return " ".join(_PLACEHOLDERS.sub(" ", text).casefold().split())


def frequent_handles(texts: Iterable[str], share: float = 0.01, least: int = 5) -> frozenset[str]:
    """Handles (lower case) in at least `share` of the texts and at least `least` of them."""
    counts: Counter[str] = Counter()
    total = 0
    for text in texts:
        total += 1
        counts.update({handle.lower() for handle in _MENTION.findall(text)})
    needed = max(least, share * total)
    return frozenset(handle for handle, count in counts.items() if count >= needed)


def is_cut(text: str) -> bool:
    """True for a text that its source cut short, an ellipsis in place of the rest.

    X cuts with "…" near 140 or 280 characters; before 2012 it cut with " ..." at 140.
    A link may stand behind the ellipsis. `text` is the tweet's own, not normalized.
    """
    bare = _URL.sub("", text).rstrip()
    if bare.endswith("…"):
        return weighted_length(text) >= 110
    return bare.endswith(" ...") and 130 <= len(bare) <= 145


def weighted_length(text: str) -> int:
    """The length that X counts towards 280: 2 for CJK and emoji, 23 for a link, else 1."""
    text = unicodedata.normalize("NFC", text)
    links = len(_URL.findall(text))
    text, emoji = _EMOJI.subn("", _URL.sub("", text))
    weights = (1 if any(a <= ord(c) <= b for a, b in _LIGHT) else 2 for c in text)
    return _URL_WEIGHT * links + _EMOJI_WEIGHT * emoji + sum(weights)

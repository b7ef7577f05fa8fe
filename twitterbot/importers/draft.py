"""A tweet as some source tells it, and the record that is made of it.

Here lie the rules that all sources share: which ids can be trusted and what stands in
for the others, how times are read, and what of a text is cleaned.
"""

import hashlib
import html
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from twitterbot.tweets import Kind, Tweet


class Draft(NamedTuple):
    """A source's words: a text, and whatever else it tells, not yet checked."""

    text: str
    id: Any = None
    created_at: Any = None
    author: Any = None
    kind: Kind = "original"
    lang: Any = None
    trusted: bool = False  # the id is a record's


def to_tweet(draft: Draft, position: int, author: str) -> Tweet:
    """The record of a draft; `author` stands in where the source tells none.

    Without an id that can be trusted the record gets one made of time and text, or of
    its `position` in the source and its text, so that importing a file twice changes
    nothing and the order of the source is kept.
    """
    text = clean(draft.text)
    created_at = parse_time(draft.created_at)
    number = _id(draft, created_at)
    return Tweet(
        id=number or _made_id(text, created_at, position),
        text=text,
        created_at=created_at or (number and snowflake_time(number)) or None,
        author=handle(draft.author) or author,
        kind=_kind(draft.kind, text),
        lang=draft.lang if isinstance(draft.lang, str) and _LANG.fullmatch(draft.lang) else None,
    )


# ------------------------------------------------------------------ ids

_ID = re.compile(r"['\"]?0*([1-9][0-9]{0,18})(?:\.0+)?['\"]?")
_STATUS = re.compile(r"/status(?:es)?/([1-9][0-9]{0,18})(?![0-9])")
_RUINED = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]+")
_ROUNDED = re.compile(r"[1-9][0-9]{12,15}000")

# Tweets have had ids of 41 bits of time and 22 others since November 2010:
# https://docs.x.com/fundamentals/x-ids.
_SNOWFLAKE = re.compile(r"[0-9]{11,19}")
_FIRST_SNOWFLAKE = 30_000_000_000
_EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657000, UTC)
# Smaller "ids" are a table's row numbers, unless the tweet is from X's first year.
_FIRST_PLAUSIBLE = 10_000_000
_FIRST_YEAR = "2007-06"


def _id(draft: Draft, created_at: str | None) -> str | None:
    if draft.trusted and isinstance(draft.id, str):
        return clean(draft.id)
    number = usable_id(draft.id)
    return None if number is None or _is_row_number(number, created_at) else number


def usable_id(value: Any) -> str | None:
    """X's decimal id, also out of a link to the tweet; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    text = str(value).strip()
    if match := _ID.fullmatch(text) or _STATUS.search(text):
        return match[1] if int(match[1]) < 1 << 63 else None
    return None


def is_ruined(value: Any) -> bool:
    """True for an id that a spreadsheet turned into something like 7.9155E+17."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str) and _RUINED.fullmatch(value.strip()) is not None


def is_rounded(number: str) -> bool:
    """True for an id whose last digits may have been rounded away."""
    return bool(_ROUNDED.fullmatch(number))


def snowflake_time(number: str) -> str | None:
    """When the tweet with this id was posted; None for ids that do not tell."""
    if not _SNOWFLAKE.fullmatch(number) or not _FIRST_SNOWFLAKE <= int(number) < 1 << 63:
        return None
    return _format(_EPOCH + timedelta(milliseconds=int(number) >> 22))


def _is_row_number(number: str, created_at: str | None) -> bool:
    return int(number) < _FIRST_PLAUSIBLE and (created_at is None or created_at > _FIRST_YEAR)


def _made_id(text: str, created_at: str | None, position: int) -> str:
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    if created_at:
        return f"d{re.sub('[^0-9]', '', created_at)}-{digest}"
    return f"n{position:09}-{digest}"


# ------------------------------------------------------------------ times

_NUMBER = re.compile(r"[0-9]{9,13}(?:\.[0-9]+)?")
_ZONE_NAME = re.compile(r" ?[A-Z]{3,4}$")
# Day and month are told apart by nothing but luck; X's and Excel's home puts the month first.
_LOCAL_FORMATS = (
    *(f"%m{s}%d{s}%Y %H:%M{rest}" for s in "/-" for rest in (":%S", "")),
    *(f"%d{s}%m{s}%Y %H:%M{rest}" for s in "/-." for rest in (":%S", "")),
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%y %H:%M",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%B %d, %Y at %I:%M%p",
)


def parse_time(value: Any) -> str | None:
    """The time that a source tells, as a record has it; None for none that is known.

    Reads ISO 8601, X's own `Sat Feb 18 12:33:11 +0000 2023`, mail dates, seconds or
    milliseconds since 1970, and what spreadsheets write. Without a zone it is UTC.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    text = str(value).strip()[:64]
    try:
        moment = _from_number(float(text)) if _NUMBER.fullmatch(text) else _from_words(text)
        return _format(moment) if moment else None
    except (ValueError, OverflowError, OSError):
        return None


def _from_number(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)


def _from_words(text: str) -> datetime | None:
    if text[:4].isdigit():
        bare = _ZONE_NAME.sub("", text)
        # "2015-01-24 02:02:37 +0000": Python reads a zone only without the space.
        return datetime.fromisoformat(re.sub(r" ([+-][0-9])", r"\1", bare))
    if text[:3].isalpha() and not text.startswith("http"):
        try:
            return parsedate_to_datetime(text)
        except ValueError:
            pass
    for form in _LOCAL_FORMATS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def _format(moment: datetime) -> str:
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


# ------------------------------------------------------------------ texts

_RETWEET = re.compile(r"RT @\w+:")
_REPLY = re.compile(r"@\w+\s")
_LANG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
TCO = re.compile(r"https?://t\.co/\w+")
_KEPT_BYTE = re.compile("[\udc80-\udcff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#[0-9]{1,6}|#x[0-9a-fA-F]{1,5});")
_BARE_AMPERSAND = re.compile(r"&(?![A-Za-z]{2,6};|#)")
_BYTE_ESCAPE = re.compile(r"""\\(?:x([0-9a-fA-F]{2})|([nrt'"\\]))""")
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "'": "'", '"': '"', "\\": "\\"}
_BYTES = re.compile(r"""b(['"])(.*)\1""", re.DOTALL)


def clean(text: str) -> str:
    """`text` as UTF-8 can hold it. Bytes that were not UTF-8 are read as Windows-1252."""
    return _SURROGATE.sub(_mend, text).replace("\0", "").strip()


def is_mended(text: str) -> bool:
    """True when `clean` has to guess at what bytes of the text mean."""
    return _KEPT_BYTE.search(text) is not None


def _mend(match: re.Match[str]) -> str:
    """One byte that `surrogateescape` kept, or half of a character that JSON spelt."""
    code = ord(match[0]) - 0xDC00
    return bytes([code]).decode("cp1252", "replace") if 0x80 <= code <= 0xFF else "\ufffd"


def expand(text: str, links: Mapping[str, str]) -> str:
    """The text with its t.co links replaced; those that `links` does not hold stay."""
    return TCO.sub(lambda match: links.get(match[0], match[0]), text)


def unescape_guess(text: str) -> str:
    """Undoes HTML escapes, even doubled ones, where all of the text is clearly escaped."""
    while _ESCAPED.search(text) and not _BARE_AMPERSAND.search(text):
        text = html.unescape(text)
    return text


def from_bytes_literal(text: str) -> str:
    """The text of `b'...'`, which Python 2 habits leave in tables; other text as it is."""
    match = _BYTES.fullmatch(text)
    if match is None:
        return text

    def byte(escape: re.Match[str]) -> str:
        return chr(int(escape[1], 16)) if escape[1] else _LETTERS[escape[2]]

    escaped = _BYTE_ESCAPE.sub(byte, match[2])
    return escaped.encode("latin-1", "replace").decode("utf-8", "surrogateescape")


def handle(author: Any) -> str | None:
    """A handle out of whatever a source has for an author."""
    if isinstance(author, int) and not isinstance(author, bool):
        author = str(author)
    if not isinstance(author, str):
        return None
    return clean(author).removeprefix("@") or None


def _kind(kind: Kind, text: str) -> Kind:
    """X's own conventions tell where the source does not."""
    if _RETWEET.match(text):
        return "retweet"
    return "reply" if kind == "original" and _REPLY.match(text) else kind

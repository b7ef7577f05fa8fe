"""X's API v2 JSON, turned into tweet records.

Reads both of X's vocabularies: `referenced_tweets`, `note_tweet`, `includes.tweets`
and, since August 2026, `referenced_posts`, `note_post`, `includes.posts`. It knows
nothing of requests or files. Input is taken as parsed JSON of any shape: what is
malformed raises ValueError or counts as absent, nothing else.

Source of the format: https://docs.x.com/x-api/fundamentals/data-dictionary.
"""

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from twitterbot.tweets import Kind, Tweet

_STATUS_LINK = re.compile(
    r"https?://(?:www\.|mobile\.)?(?:twitter|x)\.com/\w+/status/(\d+)([/?#].*)?", re.IGNORECASE
)
_MEDIA_DISPLAY = ("pic.twitter.com/", "pic.x.com/")
_MEDIA_PATH = re.compile(r"/(?:photo|video)/\d+.*")
_RETWEET_PREFIX = re.compile(r"RT @\w+: ")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def from_v2(post: Any, includes: Any = None, author: str | None = None) -> Tweet | None:
    """One post object as a record; `includes` is its page's, `author` stands in for a missing one.

    The text is the whole one of a long post, and of a retweet where `includes` or
    the merged-in reference holds the original. None means that there is no text of
    the author's: X withholds it, or it was an attachment only. Raises ValueError.
    """
    post = _dict(post)
    number = post_id(post)
    referenced = _referenced(post)
    if post.get("withheld"):
        return None
    try:
        text = _text(post, referenced, _dict(includes))
    except _ForeignTextError:
        return None
    if not text:
        return None
    return Tweet(
        id=number,
        text=text,
        created_at=_time(post.get("created_at")),
        author=_author(post, _dict(includes)) or author,
        kind=_kind(post, referenced),
        lang=_string(post.get("lang")),
    )


def post_id(post: Any) -> str:
    """The decimal id of a post object. Raises ValueError for anything else."""
    number = _dict(post).get("id")
    if isinstance(number, int) and not isinstance(number, bool) and number >= 0:
        return str(number)
    if isinstance(number, str) and number.isascii() and number.isdigit():
        return number
    raise ValueError("`id` must be a decimal number")


def earlier_versions(post: Any) -> list[str]:
    """The ids under which an edited post stood before; its own id is the latest one."""
    post = _dict(post)
    own = int(post_id(post))
    history = _either(post, "edit_history_tweet_ids", "edit_history_post_ids")
    ids = (number for number in _list(history) if isinstance(number, str) and number.isdecimal())
    return [number for number in ids if int(number) < own]


def splice(text: str, replacements: Mapping[tuple[int, int], str]) -> str:
    """HTML-escaped `text` with code-point spans replaced, then unescaped once.

    The replacements are plain text. An empty one takes the space before it along.
    """
    for (start, end), new in sorted(replacements.items(), reverse=True):
        if not new and text[:start].endswith(" ") and text[end : end + 1] in ("", " ", "\n"):
            start -= 1
        text = text[:start] + html.escape(new, quote=False) + text[end:]
    # JSON can spell half a character, a UTF-8 file cannot hold it.
    return _LONE_SURROGATE.sub("\ufffd", html.unescape(text)).strip()


def is_attachment(url: Mapping[str, Any], quoted_id: str | None = None) -> bool:
    """True for a URL entity that X added itself: the post's media, or the post that it quotes."""
    if url.get("media_key") or str(url.get("display_url", "")).startswith(_MEDIA_DISPLAY):
        return True
    link = _STATUS_LINK.fullmatch(str(url.get("expanded_url", "")))
    if link is None:
        return False
    return link[1] == quoted_id or bool(_MEDIA_PATH.fullmatch(link[2] or ""))


class _ForeignTextError(Exception):
    """The entities do not fit the text: X put a notice in place of a withheld one."""


def _text(post: dict[str, Any], referenced: dict[str, Any], includes: dict[str, Any]) -> str:
    if "retweeted" not in referenced:
        return _own_text(post, _quoted_id(referenced))
    original = _lookup(referenced["retweeted"], includes)
    if original is None:
        return _own_text(post, None, cut=True)
    if original.get("withheld"):
        raise _ForeignTextError
    prefix = _RETWEET_PREFIX.match(_plain_text(post))
    whole = _own_text(original, _quoted_id(_referenced(original)))
    return (prefix[0] if prefix else "") + whole if whole else ""


def _own_text(post: dict[str, Any], quoted_id: str | None, cut: bool = False) -> str:
    """The post's text without X's attachments; links in a `cut` one may lie behind its end."""
    note = _dict(_either(post, "note_tweet", "note_post"))
    source = note if isinstance(note.get("text"), str) else post
    text = _plain_text(source)
    replacements = {}
    for url in map(_dict, _list(_dict(source.get("entities")).get("urls"))):
        start, end, short = url.get("start"), url.get("end"), url.get("url")
        if not (isinstance(start, int) and isinstance(end, int) and isinstance(short, str)):
            continue
        # Links from before t.co stand in the text as typed, escaped.
        if start < 0 or html.unescape(text[start:end]) != html.unescape(short):
            if cut:
                continue
            raise _ForeignTextError
        expanded = _string(url.get("expanded_url")) or short
        replacements[start, end] = "" if is_attachment(url, quoted_id) else expanded
    return splice(text, replacements)


def _plain_text(post: dict[str, Any]) -> str:
    text = post.get("text")
    if not isinstance(text, str):
        raise ValueError("`text` must be a string")
    return text


def _referenced(post: dict[str, Any]) -> dict[str, Any]:
    """Type ("retweeted", "replied_to", "quoted") -> the reference with that type."""
    references = map(_dict, _list(_either(post, "referenced_tweets", "referenced_posts")))
    return {str(reference.get("type")): reference for reference in references}


def _quoted_id(referenced: dict[str, Any]) -> str | None:
    number = _dict(referenced.get("quoted")).get("id")
    return None if number is None else str(number)


def _lookup(reference: dict[str, Any], includes: dict[str, Any]) -> dict[str, Any] | None:
    """The post that a reference names: merged into it (twarc's flat files) or in `includes`."""
    if isinstance(reference.get("text"), str):
        return reference
    for post in map(_dict, _list(_either(includes, "tweets", "posts"))):
        if str(post.get("id")) == str(reference.get("id")) and isinstance(post.get("text"), str):
            return post
    return None


def _kind(post: dict[str, Any], referenced: dict[str, Any]) -> Kind:
    if "retweeted" in referenced:
        return "retweet"
    if "replied_to" in referenced or post.get("in_reply_to_user_id"):
        return "reply"
    return "quote" if "quoted" in referenced else "original"


def _author(post: dict[str, Any], includes: dict[str, Any]) -> str | None:
    """The handle: merged into the post (twarc's flat files) or among the included users."""
    merged = _string(_dict(post.get("author")).get("username"))
    if merged or post.get("author_id") is None:
        return merged
    for user in map(_dict, _list(includes.get("users"))):
        if user.get("id") == post["author_id"]:
            return _string(user.get("username"))
    return None


def _time(value: Any) -> str | None:
    """`2021-05-11T20:48:54.000Z` -> `2021-05-11T20:48:54Z`."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("`created_at` must be a time")
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("`created_at` must be a time like 2015-05-26T19:04:21.000Z") from error
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _either(data: dict[str, Any], old: str, new: str) -> Any:
    value = data.get(old)
    return data.get(new) if value is None else value


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None

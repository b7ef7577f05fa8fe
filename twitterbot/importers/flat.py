"""Records with one field for each thing: rows of tables, and what most scrapers write.

There is no standard, only habits: a field is known by its name, without regard to case
and punctuation, so that `Tweet ID`, `tweet_id` and `tweetId` are one.
"""

import functools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from twitterbot.importers.draft import (
    TCO,
    Draft,
    expand,
    from_bytes_literal,
    handle,
    unescape_guess,
    usable_id,
)
from twitterbot.options import ImportOptions
from twitterbot.tweets import KINDS, Kind

_TEXT = (
    *("rawcontent", "fulltext", "tweettext", "tweetcontent", "text", "content"),
    *("tweet", "renderedcontent", "tweetfulltext", "posttext", "body"),
)
_ID = (
    *("idstr", "tweetid", "tweetidstr", "statusid", "restid", "twitterid", "id", "url"),
    *("tweeturl", "permanenturl", "permalink", "link", "statusurl"),
)
_DATE = (
    *("createdat", "tweetcreatedat", "date", "timestamp", "datetime", "timeparsed"),
    *("createdtime", "tweetdate", "posteddate", "postedat", "publishedat", "time"),
)
_AUTHOR = (
    *("authorusername", "userscreenname", "userusername", "username", "screenname"),
    *("accounthandle", "userhandle", "handle", "author", "user", "tweetauthor"),
)
_LANG = ("lang", "language")
_KIND = ("kind",)
_RETWEET = (
    *("isretweet", "retweetedtweet", "retweetedstatus", "retweetedstatusid", "retweetid"),
    *("retweetedstatusidstr", "referencedtweetsretweetedid", "retweeted", "retweet"),
)
_REPLY = (
    *("isreply", "inreplytotweetid", "inreplytotweetidstr", "inreplytostatusid", "replyid"),
    *("inreplytostatusidstr", "inreplytouserid", "inreplytouseridstr", "replytotweetid"),
    *("referencedtweetsrepliedtoid", "inreplytoscreenname"),
)
_QUOTE = (
    *("isquote", "isquoted", "isquotestatus", "quotedtweet", "quoteid", "quotedstatusid"),
    *("quotedstatusidstr", "quotedtweetid", "referencedtweetsquotedid"),
)
# What tables write for "no".
_NO = frozenset(
    ("", "0", "0.0", "-1", "f", "false", "n", "no", "none", "null", "nan", "[]", "{}", "<na>")
)
_NAMES = ("username", "screen_name", "userName", "handle", "name")
_NAME_IN_REPR = re.compile(r"""['"](?:username|screen_name)['"]:\s*['"](\w{1,50})['"]""")
_PROFILE = re.compile(r"(?:https?://)?(?:www\.|mobile\.)?(?:twitter|x)\.com/(\w{1,50})/?", re.I)
_TIMELINE_OWNER = ("user",)
# What t.co links stand for: objects (snscrape, twscrape; a cell of JSON in twarc-csv), or a
# list of addresses in the order of the links (Grailbird's tweets.csv).
_LINKS = ("links", "entitiesurls", "expandedurls")
_MEDIA = re.compile(r"https?://(?:twitter|x)\.com/\w+/status/\d+/(?:photo|video)/\d+", re.I)
_STATUS = re.compile(r"(?:twitter|x)\.com/(?!i/)(\w{1,50})/status(?:es)?/\d", re.I)


@dataclass(frozen=True)
class Roles:
    """Which fields of a record tell what; the first of them that tells something counts."""

    text: tuple[str, ...]
    id: tuple[str, ...]
    date: tuple[str, ...]
    author: tuple[str, ...]
    owner: tuple[str, ...]
    lang: tuple[str, ...]
    kind: tuple[str, ...]
    retweet: tuple[str, ...]
    reply: tuple[str, ...]
    quote: tuple[str, ...]
    links: tuple[str, ...]


@functools.lru_cache(maxsize=1024)
def roles(names: tuple[str, ...], options: ImportOptions) -> Roles:
    """The roles of fields with these names; the options' column names count before any habit."""
    plain = {_plain(name): name for name in reversed(names)}

    def known(habits: tuple[str, ...], wanted: str | None = None) -> tuple[str, ...]:
        if wanted is not None:
            return (wanted,) if wanted in names else ()
        return tuple(plain[habit] for habit in habits if habit in plain)

    return Roles(
        text=known(_TEXT, options.text_column),
        id=known(_ID, options.id_column),
        date=known(_DATE, options.date_column),
        author=known(_AUTHOR),
        owner=known(_TIMELINE_OWNER),
        lang=known(_LANG),
        kind=known(_KIND),
        retweet=known(_RETWEET),
        reply=known(_REPLY),
        quote=known(_QUOTE),
        links=known(_LINKS),
    )


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def from_row(row: Mapping[str, Any], roles: Roles) -> Draft:
    """The draft of a record. Raises ValueError when it has no field for the text."""
    text = next((row[name] for name in roles.text if isinstance(row.get(name), str)), None)
    if text is None:
        raise ValueError("no tweet in it")
    kind = _kind(row, roles)
    return Draft(
        text=_whole(unescape_guess(from_bytes_literal(text)), _first(row, roles.links)),
        id=next(filter(usable_id, map(row.get, roles.id)), None) or _first(row, roles.id),
        created_at=_first(row, roles.date),
        author=_author(row, roles, kind),
        kind=kind,
        lang=_first(row, roles.lang),
    )


def _first(row: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def _kind(row: Mapping[str, Any], roles: Roles) -> Kind:
    said = _first(row, roles.kind)
    if said in KINDS:
        return next(kind for kind in KINDS if kind == said)
    flags: tuple[tuple[tuple[str, ...], Kind], ...] = (
        (roles.retweet, "retweet"),
        (roles.reply, "reply"),
        (roles.quote, "quote"),
    )
    for names, kind in flags:
        if any(_is_set(row.get(name)) for name in names):
            return kind
    return "original"


def _is_set(value: Any) -> bool:
    if isinstance(value, (dict, list)):
        return bool(value)
    return str(value).strip().lower() not in _NO


def _author(row: Mapping[str, Any], roles: Roles, kind: Kind) -> str | None:
    # gallery-dl: the `author` of a retweet is the original's, `user` is whose timeline it is.
    names = (*roles.owner, *roles.author) if kind == "retweet" else roles.author
    found = [name for field in names if (name := _name(row.get(field)))]
    # A display name is all that some tables have, but for a link to the tweet.
    linked = [match[1] for field in roles.id if (match := _STATUS.search(str(row.get(field))))]
    handles = [name for name in found if re.fullmatch(r"\w+", name)]
    return next(iter([*handles, *linked, *found]), None)


def _whole(text: str, links: Any) -> str:
    """The text with its t.co links written out, and without those of its own pictures."""
    if isinstance(links, str) and links.startswith("["):
        try:
            links = json.loads(links)
        except (ValueError, RecursionError):
            return text
    known = {
        str(link.get("tcourl") or link.get("url")): str(link.get("expanded_url") or link.get("url"))
        for link in dicts(links)
    }
    if isinstance(links, str):
        short = TCO.findall(text)
        whole = list(dict.fromkeys(links.split(",")))
        known = dict(zip(short, whole, strict=True)) if len(short) == len(whole) else {}
    return _MEDIA.sub("", expand(text, known)) if known else text


def _name(value: Any) -> str | None:
    """A handle out of a field: plain, an object, an object that Python printed, a link."""
    if isinstance(value, dict):
        return next((name for key in _NAMES if (name := handle(value.get(key)))), None)
    if isinstance(value, str):
        found = _NAME_IN_REPR.search(value) or _PROFILE.fullmatch(value)
        value = found[1] if found else value
    return handle(value)


# ------------------------------------------------------------------ JSON of unknown shape


def as_dict(value: Any) -> dict[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; nothing for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def descend(value: Any, *names: str) -> dict[str, Any]:
    """The object at the end of a path of field names, or an empty one."""
    for name in names:
        value = as_dict(value).get(name)
    return as_dict(value)

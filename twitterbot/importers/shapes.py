"""JSON objects of every known tool, told apart by their fields, as drafts.

Known are the records of this program, X's v1.1 objects (twarc, archives), v2 objects and
pages (see `payloads`), GraphQL answers and what twikit keeps of them, ActivityPub
(Mastodon's outbox.json), Bluesky's post records, and the flat records of snscrape,
twscrape, gallery-dl, twitter-scraper and the Community Archive (see `flat`).
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from twitterbot import payloads
from twitterbot.importers import flat
from twitterbot.importers.draft import Draft, expand, handle, unescape_guess
from twitterbot.options import ImportOptions
from twitterbot.tweets import KINDS, Kind

Object = Mapping[str, Any]
Shape = Callable[[Object, Any], Draft]  # of an object and the `includes` of its page


def drafts(value: Any, options: ImportOptions, damaged: Callable[[str], None]) -> Iterator[Draft]:
    """The drafts in one JSON value, often one; what is no tweet is told to `damaged`."""
    try:
        for part, includes in _parts(value, options):
            try:
                yield _draft(part, includes, options)
            except ValueError as error:
                damaged(str(error))
    except RecursionError:
        damaged("nested too deeply")


_CONTAINERS = ("tweets", "data", "statuses", "items", "results", "orderedItems", "feed", "records")


def _parts(value: Any, options: ImportOptions) -> Iterator[tuple[Any, Any]]:
    """The single tweets in a value, each with the `includes` of its page."""
    if isinstance(value, dict) and _shape(value, options) is None:
        if _is_v2_page(value):
            yield from ((post, value.get("includes")) for post in _posts(value))
            return
        if isinstance(value.get("data"), dict):
            yield from ((result, None) for result in _graphql_results(value))
            return
        lists = (value[name] for name in _CONTAINERS if isinstance(value.get(name), list))
        value = next(lists, value)
    if isinstance(value, list):
        for item in value:
            yield from _parts(item, options)
    else:
        yield value, None


def _draft(value: Any, includes: Any, options: ImportOptions) -> Draft:
    """The draft of a single tweet. Raises ValueError when it is none."""
    if isinstance(value, str):
        return Draft(value)
    if not isinstance(value, dict):
        raise ValueError("no tweet in it")
    shape = _shape(value, options)
    if shape is not None:
        return shape(value, includes)
    return flat.from_row(value, flat.roles(tuple(value), options))


def _shape(value: Object, options: ImportOptions) -> Shape | None:
    """What reads an object; None where there is nothing more special than `flat`."""
    if options.text_column is not None and options.text_column in value:
        return lambda value, _: flat.from_row(value, flat.roles(tuple(value), options))
    return next((convert for known, convert in _SHAPES if known(value)), None)


# ------------------------------------------------------------------ v1.1

_STATUS_TAIL = re.compile(
    r"\s*https?://(?:www\.|mobile\.)?(?:twitter|x)\.com/(?:i/web|\w+)/status/(\d+)(?:\?\S*)?$",
    re.IGNORECASE,
)


def from_v1(tweet: Object, author: str | None = None) -> Draft:
    """A v1.1 object, as archives, Grailbird, twarc and GraphQL's `legacy` have it.

    Raises ValueError when it has no text.
    """
    text, quotes = _v1_text(tweet)
    original = tweet.get("retweeted_status")
    if isinstance(original, dict):
        name = _v1_author(original) or "unknown"
        text = f"RT @{name}: {_v1_text(original)[0]}"
    return Draft(
        text=text,
        id=tweet.get("id_str") or tweet.get("id"),
        created_at=tweet.get("created_at"),
        author=_v1_author(tweet) or author,
        kind=_v1_kind(tweet, quotes),
        lang=tweet.get("lang"),
    )


def _v1_text(tweet: Object) -> tuple[str, bool]:
    """The text, unescaped and with its links, and whether it ended in a quoted tweet."""
    body = flat.as_dict(tweet.get("extended_tweet")) or tweet
    text = body.get("full_text") or body.get("text")
    if not isinstance(text, str):
        raise ValueError("the tweet has no text")
    text = _with_links(html.unescape(text), body).strip()
    tail = _STATUS_TAIL.search(text)
    own = tail is not None and tail[1] == str(tweet.get("id_str") or tweet.get("id"))
    # A link to a tweet at the end: the one it quotes, or itself where it was cut.
    return (text[: tail.start()], not own) if tail and tail.start() else (text, False)


def _with_links(text: str, body: Object) -> str:
    links: dict[str, str] = {}
    entities = flat.as_dict(body.get("entities"))
    for url in flat.dicts(entities.get("urls")):
        links[str(url.get("url"))] = str(url.get("expanded_url") or url.get("url"))
    for part in (entities, flat.as_dict(body.get("extended_entities"))):
        for media in flat.dicts(part.get("media")):
            links[str(media.get("url"))] = ""
    return expand(text, links)


def _v1_author(tweet: Object) -> str | None:
    return handle(flat.as_dict(tweet.get("user")).get("screen_name"))


def _v1_kind(tweet: Object, quotes: bool) -> Kind:
    if tweet.get("retweeted_status"):
        return "retweet"
    if tweet.get("in_reply_to_status_id_str") or tweet.get("in_reply_to_status_id"):
        return "reply"
    if quotes or tweet.get("quoted_status") or tweet.get("quoted_status_id_str"):
        return "quote"
    return "original"


def _is_v1(value: Object) -> bool:
    if not isinstance(value.get("full_text") or value.get("text"), str):
        return False
    return "id_str" in value and any(
        name in value for name in ("entities", "user", "truncated", "display_text_range")
    )


# ------------------------------------------------------------------ v2


def _is_v2(value: Object) -> bool:
    if not isinstance(value.get("text"), str) or "id" not in value:
        return False
    return any(name in value for name in _V2_FIELDS)


_V2_FIELDS = (
    "author_id",
    "edit_history_tweet_ids",
    "edit_history_post_ids",
    "public_metrics",
    "referenced_tweets",
    "referenced_posts",
)


def _from_v2(post: Object, includes: Any) -> Draft:
    tweet = payloads.from_v2(post, includes)
    if tweet is None:
        return Draft("")
    return Draft(tweet.text, tweet.id, tweet.created_at, tweet.author, tweet.kind, tweet.lang)


def _is_v2_page(value: Object) -> bool:
    return ("errors" in value and "data" not in value) or any(
        "id" in post and "text" in post for post in _posts(value)
    )


def _posts(page: Object) -> list[dict[str, Any]]:
    data = page.get("data")
    return flat.dicts(data if isinstance(data, list) else [data])


# ------------------------------------------------------------------ GraphQL


def _graphql_results(answer: Any) -> Iterator[Object]:
    """Every tweet deep in an answer of X's web client, but none that another quotes or retweets."""
    pending = [answer]
    while pending:
        part = pending.pop()
        if isinstance(part, list):
            pending.extend(reversed(part))
        elif isinstance(part, dict) and _is_legacy(part):
            yield part
        elif isinstance(part, dict):
            pending.extend(reversed(part.values()))


def _is_legacy(value: Object) -> bool:
    return isinstance(flat.as_dict(value.get("legacy")).get("full_text"), str)


def _from_legacy(result: Object) -> Draft:
    legacy = dict(result["legacy"])
    note = flat.descend(result, "note_tweet", "note_tweet_results", "result")
    if isinstance(note.get("text"), str):
        # The entities are the note's own, and what `from_v1` reads is escaped.
        legacy["full_text"] = html.escape(unescape_guess(note["text"]), quote=False)
        legacy["entities"] = note.get("entity_set")
    original = flat.descend(legacy, "retweeted_status_result", "result")
    if _is_legacy(original):
        legacy["retweeted_status"] = {
            **original["legacy"],
            "user": {"screen_name": _graphql_author(original)},
        }
    legacy["id_str"] = result.get("rest_id") or legacy.get("id_str")
    return from_v1(legacy, _graphql_author(result))


def _graphql_author(result: Object) -> str | None:
    user = flat.descend(result, "core", "user_results", "result")
    for place in (user.get("legacy"), user.get("core")):
        if name := handle(flat.as_dict(place).get("screen_name")):
            return name
    return None


# ------------------------------------------------------------------ Mastodon

_TAG = re.compile(r"<[^>]*>")
_BREAK = re.compile(r"<br\b[^>]*>|</p>\s*<p\b[^>]*>", re.IGNORECASE)


def plain(markup: str) -> str:
    """The text of a Mastodon post, which is HTML: paragraphs, line breaks, links in full."""
    text = _BREAK.sub(lambda match: "\n" if match[0][1] in "bB" else "\n\n", markup)
    return html.unescape(_TAG.sub("", text)).strip()


def _is_activity(value: Object) -> bool:
    return value.get("type") in ("Create", "Announce", "Note", "Question") and (
        "actor" in value or "attributedTo" in value
    )


def _is_public(note: Object) -> bool:
    """False for posts to followers and for messages, which an outbox holds as well."""
    audience = [note.get("to"), note.get("cc")]
    return audience == [None, None] or any(name in str(audience) for name in _PUBLIC)


_PUBLIC = ("https://www.w3.org/ns/activitystreams#Public", "as:Public", "'Public'")


def _from_activity(activity: Object) -> Draft:
    """A public post. A boost holds only the address of someone else's, so it has no text."""
    note = flat.as_dict(activity.get("object")) or activity
    author = str(note.get("attributedTo") or activity.get("actor")).rstrip("/").rpartition("/")[2]
    if not isinstance(note.get("content"), str) or not _is_public(note):
        return Draft("", author=author)
    kind: Kind = "reply" if note.get("inReplyTo") else "original"
    languages = list(flat.as_dict(note.get("contentMap")))
    return Draft(
        text=plain(note["content"]),
        created_at=note.get("published") or activity.get("published"),
        author=author,
        kind=kind,
        lang=languages[0] if len(languages) == 1 else None,
    )


# ------------------------------------------------------------------ Bluesky


def _bluesky_record(value: Object) -> Object:
    """The post record, wherever an export or an answer of the API puts it."""
    post = flat.as_dict(value.get("post")) or value
    for place in (post, post.get("record"), post.get("value")):
        record = flat.as_dict(place)
        if record.get("$type") == "app.bsky.feed.post" and isinstance(record.get("text"), str):
            return record
    return {}


def _from_bluesky(value: Object) -> Draft:
    post = flat.as_dict(value.get("post")) or value
    record = _bluesky_record(value)
    if value.get("reason"):  # a repost of someone else's
        return Draft("")
    embed = str(flat.as_dict(record.get("embed")).get("$type"))
    kind: Kind = "original"
    if "record" in embed:
        kind = "quote"
    if record.get("reply"):
        kind = "reply"
    languages = record.get("langs")
    return Draft(
        text=_bluesky_text(record),
        created_at=record.get("createdAt"),
        author=flat.as_dict(post.get("author")).get("handle"),
        kind=kind,
        lang=languages[0] if isinstance(languages, list) and len(languages) == 1 else None,
    )


def _bluesky_text(record: Object) -> str:
    """The text with its links in full. Facets count UTF-8 bytes: https://atproto.com/lexicons."""
    text = record["text"].encode("utf-8", "surrogatepass")
    spans = []
    for facet in flat.dicts(record.get("facets")):
        index = flat.as_dict(facet.get("index"))
        start, end = index.get("byteStart"), index.get("byteEnd")
        for feature in flat.dicts(facet.get("features")):
            uri = feature.get("uri")
            if isinstance(start, int) and isinstance(end, int) and isinstance(uri, str):
                spans.append((start, end, uri))
    for start, end, uri in sorted(spans, reverse=True):
        if 0 <= start <= end <= len(text):
            text = text[:start] + uri.encode("utf-8", "surrogatepass") + text[end:]
    return str(text, "utf-8", "replace")


# ------------------------------------------------------------------ all of them


def _is_own(value: Object) -> bool:
    return value.get("kind") in KINDS and isinstance(value.get("text"), str)


def _own(record: Object) -> Draft:
    """A record of this program: nothing in it needs a guess."""
    names = ("text", "id", "created_at", "author", "kind", "lang")
    return Draft(**{name: record[name] for name in names if name in record}, trusted=True)


# Asked in this order.
_SHAPES: tuple[tuple[Callable[[Object], Any], Shape], ...] = (
    (_is_own, lambda value, _: _own(value)),
    (lambda value: isinstance(value.get("tweet"), dict), lambda value, _: from_v1(value["tweet"])),
    (_bluesky_record, lambda value, _: _from_bluesky(value)),
    (_is_activity, lambda value, _: _from_activity(value)),
    (_is_legacy, lambda value, _: _from_legacy(value)),
    (_is_v1, lambda value, _: from_v1(value)),
    (_is_v2, _from_v2),
)

"""`twitterbot fetch`: an account's newest tweets, from X's API to `tweets/<handle>.jsonl`.

Pages are appended as they come. A record beside the timeline, `<handle>.fetch.json`,
says which stretches of it are still to be read, so that a run which ends anywhere, by
an error, Ctrl-C or a power cut, is taken up where it stopped and nothing is paid twice:

- `gaps` are the stretches, newest first. Each page moves the `before` of its gap down;
  a gap goes when X has no more pages. What is too old for X's API stays as a gap.
- `page` repeats the last page. The record, with page and position in one, takes its
  place by rename *before* the page is appended, so the two files can never disagree:
  the next start merges the page into the timeline once more, by id, before it reads on.
- A run that ends by itself, by an error or by Ctrl-C sorts the timeline and empties `page`.
"""

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from twitterbot import payloads, tweets
from twitterbot.errors import TwitterbotError
from twitterbot.files import cannot_write, recover, replacing
from twitterbot.options import FetchOptions
from twitterbot.tweets import Tweet
from twitterbot.xapi import PAGE_MAX, PAGE_MIN, TWEET_PRICE, Page, TokenRefusedError, User, XClient

RECORD_SUFFIX = ".fetch.json"
REACH = 3200  # X: "the 3,200 most recent posts"
_SLACK = 100  # deleted posts count towards the 3,200, so a full timeline ends a little earlier
_PATIENCE = 20  # pages in a row that bring nothing new; some empty ones are normal

_PROFILE = re.compile(
    r"(?:https?://)?(?:(?:www|mobile|m)\.)?(?:twitter|x)\.com/@?([^/?#]+)(?:[/?#].*)?",
    re.IGNORECASE | re.DOTALL,
)
_RESERVED = re.compile(
    "about|account|compose|download|explore|hashtag|home|i|intent|jobs|login|logout|messages|"
    "notifications|privacy|search|settings|share|signup|tos",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Report:
    """Where `fetch` says what it does."""

    progress: Callable[[str, int], None] = lambda handle, read: None
    note: Callable[[str], None] = lambda message: None


@dataclass(frozen=True)
class Fetched:
    """What one call of `fetch` did to a timeline."""

    path: Path
    total: int  # tweets on file now
    new: int
    removed: int  # by `refresh`, or replaced by an edited version


def parse_handle(text: str) -> str:
    """The handle in `name`, `@name` or the address of a profile or post.

    Raises TwitterbotError for anything else, so that the result can stand in a URL.
    """
    text = text.strip()
    profile = _PROFILE.fullmatch(text)
    handle = profile[1] if profile else text.removeprefix("@")
    if not tweets.HANDLE.fullmatch(handle) or _RESERVED.fullmatch(handle):
        shown = "".join(c for c in text if c.isprintable())[:60]
        raise TwitterbotError(
            f"{shown!r} is not an account: give a handle (1 to 15 letters, digits, _), "
            f"with or without @, or the address of a profile"
        )
    return handle


def read_handles(path: Path) -> list[str]:
    """The lines of a file ("-" for stdin) but for empty ones and comments, which begin with #."""
    try:
        content = sys.stdin.buffer.read() if path == Path("-") else path.read_bytes()
        lines = content.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise TwitterbotError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TwitterbotError(f"{path} is not a text file in UTF-8") from error
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


class NoTweetsError(TwitterbotError):
    """The account exists, and there is no tweet of it to write."""

    status = 204  # HTTP's No Content, as xapi.XError has one


def is_finished(handle: str, folder: Path, options: FetchOptions) -> bool:
    """False where an earlier run broke off, so that `fetch` with these options would go on."""
    record = _read_record(tweets.path_for(handle, folder).with_suffix(RECORD_SUFFIX))
    return not record.page and not any(
        _page_size(options.max_tweets - gap.seen) for gap in record.gaps
    )


def fetch(
    client: XClient, handle: str, folder: Path, options: FetchOptions, report: Report | None = None
) -> Fetched:
    """Reads what is missing of an account's newest tweets into its timeline in `folder`.

    Raises TwitterbotError, xapi.XRefusalError where other accounts would fail as
    well. Whatever ends it, the pages read so far are on file.
    """
    handle = parse_handle(handle)
    report = report or Report()
    timeline = _Timeline(handle, folder)
    before = set(timeline.known)
    walk = _Walk(client, timeline, handle, options, report)
    try:
        walk.run()
        if options.refresh:
            _refresh(client, timeline, handle, report)
    except (TwitterbotError, KeyboardInterrupt):
        timeline.finish()
        if walk.read:
            report.note(f"@{handle}: the {walk.read:,} tweets read so far are in {timeline.path}")
        raise
    timeline.finish()
    now = timeline.known.keys()
    if not now:
        nothing = timeline.record.newest is None
        why = "X shows no tweets of it" if nothing else "all its tweets were left out or deleted"
        raise NoTweetsError(f"@{handle} has nothing to write: {why}")
    return Fetched(timeline.path, len(now), len(now - before), len(before - now))


@dataclass
class _Gap:
    """A stretch of the timeline that is still to be read, both ends excluded."""

    after: str | None = None  # id; None: from the account's first tweet
    before: str | None = None  # id; None: to the newest
    seen: int = 0  # posts read that are newer than `before`, the depth that X's limit counts

    def __post_init__(self) -> None:
        int(self.after or 0), int(self.before or 0)  # raises ValueError for anything but ids


@dataclass
class _Record:
    """`<handle>.fetch.json`: what is known of the account and of the walk through it."""

    user_id: str | None = None
    username: str | None = None
    newest: str | None = None  # id of the newest post ever read, left out or not
    saved: str | None = None  # id of a tweet that the timeline must hold if it is still ours
    gaps: list[_Gap] = field(default_factory=list)
    page: list[Tweet] = field(default_factory=list)  # the last page
    dropped: list[str] = field(default_factory=list)  # ids that leave it when it is sorted

    def to_json(self) -> str:
        return json.dumps({"format": 1, **asdict(self)}, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "_Record":
        """Raises ValueError, TypeError, KeyError or AttributeError for a foreign file."""
        data = json.loads(text)
        if data.pop("format") != 1 or data.keys() != {each.name for each in fields(cls)}:
            raise ValueError("another format")
        data["gaps"] = [_Gap(**gap) for gap in data["gaps"]]
        data["page"] = [Tweet(**tweet) for tweet in data["page"]]
        return cls(**data)


def _read_record(path: Path) -> _Record:
    try:
        return _Record.from_json(path.read_text("utf-8"))
    except FileNotFoundError:
        return _Record()
    except OSError as error:
        raise TwitterbotError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        timeline = path.with_name(path.name.removesuffix(RECORD_SUFFIX) + tweets.SUFFIX)
        raise TwitterbotError(
            f"{path} is not a record of `twitterbot fetch`; remove it, and "
            f"{timeline} is continued from its newest tweet"
        ) from error


class _Timeline:
    """A timeline file and its record; after every method both are fit to go on from."""

    def __init__(self, handle: str, folder: Path) -> None:
        self.path = tweets.path_for(handle, folder)
        self.record_path = self.path.with_suffix(RECORD_SUFFIX)
        for path in (self.path, self.record_path):
            with contextlib.suppress(OSError):  # what is in nobody's way may stay
                recover(path)
        self.record = _read_record(self.record_path)
        self._on_disk = self.record.to_json() if self.record_path.exists() else ""
        self._mend_end()
        on_file = tweets.read(self.path) if self.path.exists() else []
        self.known = {tweet.id: tweet for tweet in [*on_file, *self.record.page]}
        for number in self.record.dropped:
            self.known.pop(number, None)
        if self.record.saved is not None and self.record.saved not in self.known:
            # Another file stands here now, or none: the record says nothing about it.
            self.record = _Record()
            self.known = {tweet.id: tweet for tweet in on_file}
        self.adopted = self.record.newest is None and bool(self.known)
        if self.adopted:
            numbers = (tweet.id for tweet in self.known.values() if tweet.id.isdecimal())
            self.record.newest = max(numbers, key=int, default=None)
        self.finish()  # the next page takes the place of this one in the record

    def add(self, gap: _Gap, ids: set[str], page: list[Tweet], dropped: Iterable[str]) -> None:
        """Puts a page on file; `ids` are all those that it brought, wanted or not.

        In this order an interrupt between two lines may cost a page read twice, and
        never a page lost.
        """
        self._update(page, dropped)
        self._advance(gap, ids)
        self.save()
        if page:
            self._append(page)

    def drop(self, ids: Iterable[str]) -> None:
        """Takes tweets out, for good when the timeline is next sorted."""
        self._update([], ids)
        self.save()

    def save(self) -> None:
        """Writes the record if it has changed."""
        self.record.saved = max(
            self.known, key=lambda number: self.known[number].sort_key, default=None
        )
        text = self.record.to_json()
        if text != self._on_disk:
            with replacing(self.record_path) as file:
                file.write(text.encode())
            self._on_disk = text

    def finish(self) -> None:
        """Sorts the timeline if anything was added or dropped since it last was."""
        if self.record.page or self.record.dropped:
            tweets.write(self.path, self.known.values())
            self.record.page, self.record.dropped = [], []
            self.save()

    def _update(self, page: list[Tweet], dropped: Iterable[str]) -> None:
        for number in dropped:
            self.known.pop(number, None)
            self.record.dropped.append(number)
        self.known.update((tweet.id, tweet) for tweet in page)
        if page:
            self.record.page = page

    def _advance(self, gap: _Gap, ids: set[str]) -> None:
        gaps = self.record.gaps
        for deeper in gaps[gaps.index(gap) :]:
            deeper.seen += len(ids)
        if gap.before is None:
            self.record.newest = max(ids | {self.record.newest or "0"}, key=int)
        gap.before = min(ids | {gap.before or max(ids, key=int)}, key=int)

    def _append(self, page: list[Tweet]) -> None:
        try:
            with self.path.open("ab") as file:
                file.write(b"".join(tweet.to_json().encode() + b"\n" for tweet in page))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def _mend_end(self) -> None:
        """Ends the file with a line break; half a line goes, the pending page holds it whole."""
        try:
            with self.path.open("r+b") as file:
                content = file.read()
                if self.record.page:
                    file.truncate(content.rfind(b"\n") + 1)
                elif content and not content.endswith(b"\n"):
                    file.write(b"\n")
        except FileNotFoundError:
            pass
        except OSError as error:
            raise cannot_write(self.path, error) from error


class _Walk:
    """One run over the gaps of a timeline, from the newest to the oldest."""

    def __init__(
        self,
        client: XClient,
        timeline: _Timeline,
        handle: str,
        options: FetchOptions,
        report: Report,
    ) -> None:
        self.read = 0  # posts that X has sent, and bills
        self._client = client
        self._timeline = timeline
        self._record = timeline.record
        self._handle = handle
        self._options = options
        self._report = report
        self._met: set[str] = set()
        self._unreadable = 0

    def run(self) -> None:
        """Reads every gap as deep as the options and X allow."""
        user = self._user()
        gaps = self._record.gaps
        if not gaps or gaps[0].before is not None:
            gaps.insert(0, _Gap(after=self._record.newest))
        if self._timeline.adopted:
            self._report.note(
                f"{self._timeline.path} was not made by fetch: reading only what is newer than its "
                f"newest tweet; move it away to read the whole timeline"
            )
        for gap in list(gaps):
            self._read_gap(user, gap)
        self._explain()

    def _user(self) -> User:
        """The account; looked up, and paid for, only once."""
        record = self._record
        if record.user_id is None or record.username is None:
            user = self._client.user(self._handle)
            record.user_id, record.username = user.id, user.username
            self._timeline.save()
        return User(record.user_id, record.username)

    def _read_gap(self, user: User, gap: _Gap) -> None:
        token, until, idle = None, gap.before, 0
        while size := _page_size(self._options.max_tweets - gap.seen):
            if idle > _PATIENCE:
                raise TwitterbotError(
                    f"X sends page after page without new tweets of @{self._handle}; "
                    f"run the same command later to go on from here"
                )
            idle += 1
            try:
                page = self._client.timeline(
                    user,
                    size=size,
                    since_id=gap.after,
                    until_id=until,
                    token=token,
                    originals=not self._options.no_retweets,
                )
            except TokenRefusedError:
                if token is None:
                    raise
                token, until = None, gap.before
                continue
            if self._take(gap, page):
                idle = 0
            token = page.next_token
            if token is None:
                self._close(gap)
                return

    def _take(self, gap: _Gap, page: Page) -> bool:
        """Puts a page on file; False when it brought nothing that was not met before."""
        ids: set[str] = set()
        wanted: list[Tweet] = []
        replaced: set[str] = set()
        for post in page.posts:
            try:
                number = payloads.post_id(post)
                tweet = payloads.from_v2(post, page.includes, self._record.username)
                replaced.update(payloads.earlier_versions(post))
            except ValueError:
                self._unreadable += 1
                continue
            ids.add(number)
            # A tweet on file stays as it is: a second copy may come without its original.
            is_new = number not in self._met and number not in self._timeline.known
            if is_new and tweet is not None and not self._is_left_out(tweet):
                wanted.append(tweet)
        ids -= self._met
        if ids:
            current = [tweet for tweet in wanted if tweet.id not in replaced]
            self._timeline.add(gap, ids, current, replaced & self._timeline.known.keys())
            self.read += len(ids)
            self._report.progress(self._handle, self.read)
        self._met |= ids | replaced
        return bool(ids)

    def _is_left_out(self, tweet: Tweet) -> bool:
        if tweet.kind == "retweet":
            return self._options.no_retweets
        return tweet.kind == "reply" and self._options.no_replies

    def _close(self, gap: _Gap) -> None:
        """X has no more pages: the gap is read, or it goes on where X's API does not reach."""
        if gap.seen >= REACH - _SLACK:
            gap.seen = max(gap.seen, REACH)
        else:
            self._record.gaps.remove(gap)
        self._timeline.save()

    def _explain(self) -> None:
        """Says what stays missing, and where it can be had."""
        if self._unreadable:
            self._report.note(f"@{self._handle}: {self._unreadable} posts were not understood")
        for gap in self._record.gaps:
            if gap.seen < REACH - _SLACK and gap.after is None:
                continue  # older than --max-tweets asked for
            stretch = f"older than {self._when(gap.before)}"
            if gap.after is not None:
                stretch = f"between {self._when(gap.after)} and {self._when(gap.before)}"
            cure = (
                "X's API reaches back no further, the account's archive does (`twitterbot import`)"
                if gap.seen >= REACH - _SLACK
                else "a larger --max-tweets reads them"
            )
            self._report.note(f"@{self._handle}: tweets {stretch} are missing; {cure}")

    def _when(self, number: str | None) -> str:
        tweet = self._timeline.known.get(number or "")
        return tweet.created_at[:10] if tweet and tweet.created_at else f"tweet {number}"


def _refresh(client: XClient, timeline: _Timeline, handle: str, report: Report) -> None:
    """Looks every tweet on file up again and drops those that X no longer shows."""
    ids = [number for number in timeline.known if number.isdecimal()]
    report.note(
        f"@{handle}: looking {len(ids):,} tweets up again, for at most "
        f"${len(ids) * TWEET_PRICE:,.2f}"
    )
    for start in range(0, len(ids), PAGE_MAX):
        timeline.drop(client.gone(ids[start : start + PAGE_MAX]))
        report.progress(handle, min(start + PAGE_MAX, len(ids)))


def _page_size(left: int) -> int:
    """How many of the `left` posts to ask for, so that what then is left can be asked for too."""
    if left >= PAGE_MAX + PAGE_MIN:
        return PAGE_MAX
    if left > PAGE_MAX:
        return left - PAGE_MIN
    return left if left >= PAGE_MIN else 0

"""The command line: parses, calls the module of the same name, and says what came of it.

A command imports its module when it runs, so that `--help` stays fast.
"""

import contextlib
import io
import os
import secrets
import sys
import tempfile
import threading
import time
import webbrowser
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from twitterbot import __version__, console, preparation
from twitterbot import tweets as tweet_files
from twitterbot.errors import TwitterbotError
from twitterbot.files import replacing
from twitterbot.options import (
    BASE_NAME,
    CHECKPOINTS_DIR,
    EvaluateOptions,
    FetchOptions,
    FinetuneOptions,
    Format,
    GenerateOptions,
    ImportOptions,
    Precision,
    PretrainOptions,
    ServeOptions,
)
from twitterbot.output import STDOUT, writing
from twitterbot.tweets import TWEETS_DIR

if TYPE_CHECKING:
    from twitterbot.importers.report import SourceReport, Timeline


class _Commands(TyperGroup):
    """Turns the errors that a user can mend into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TwitterbotError as error:
            console.error(str(error))
            raise typer.Exit(error.exit_code) from error
        except BrokenPipeError as error:
            # The reader (`| head`) has gone; Python would complain once more at exit.
            sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
            raise typer.Exit(1) from error
        except OSError as error:
            # What no module foresaw: a full disk under stdout, a folder that vanished.
            console.error(f"{error.filename or 'output'}: {error.strerror or error}")
            raise typer.Exit(1) from error
        except KeyboardInterrupt as error:
            console.error("interrupted")
            raise typer.Exit(130) from error


DEMO_TIMELINE = "captain_crumb.jsonl"

X_TERMS = (
    "X's developer agreement forbids using content from its API to fine-tune or train a "
    "foundation or frontier model; your own archive (twitterbot import) is your own"
)

app = typer.Typer(
    name="twitterbot",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"twitterbot {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Fine-tune a small language model on one account's tweets and write new ones, offline."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # whatever the locale: tweets hold anything


def _set_level(quiet: bool, verbose: bool) -> None:
    level = console.Level.VERBOSE if verbose else console.Level.NORMAL
    console.set_level(console.Level.QUIET if quiet else level)


# Every command takes these two and passes them to _set_level first.
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
PrecisionOption = Annotated[
    Precision, typer.Option(help="auto is bfloat16 where the hardware gains from it.")
]
TweetsDir = Annotated[Path, typer.Option("--tweets-dir", help="The folder of timelines.")]


@app.command("import")
def import_(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help='Files, folders, patterns, or "-" for stdin.'),
    ],
    author: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Import only NAME's tweets; files that do not tell their author are NAME's.",
        ),
    ] = ImportOptions.author,
    text_column: Annotated[
        str | None, typer.Option(help="The column of the texts; a number if there is no header.")
    ] = ImportOptions.text_column,
    id_column: Annotated[
        str | None, typer.Option(help="The column of X's ids.")
    ] = ImportOptions.id_column,
    date_column: Annotated[
        str | None, typer.Option(help="The column of the times.")
    ] = ImportOptions.date_column,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at anything that cannot be read.")
    ] = ImportOptions.strict,
    tweets_dir: TweetsDir = TWEETS_DIR,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Make a timeline of tweets that you have: an X archive, JSON, CSV or text.

    Reads X's archives (zip or folder), the files of twarc, snscrape, twscrape, gallery-dl
    and others, Mastodon's and Bluesky's exports, tables, and text with one tweet a line;
    plain, .gz, .xz or .bz2. Tweets that tweets/NAME.jsonl holds already stay in it.

    Example: twitterbot import twitter-2026-11-22.zip
    """
    from twitterbot.importers import import_files

    _set_level(quiet, verbose)
    options = ImportOptions(author, text_column, id_column, date_column, strict)
    with console.live() as line:
        report = import_files(
            files, options, tweets_dir, lambda name, count: line.update(f"{name}: {count:,} tweets")
        )
    for source in report.sources:
        _tell_source(source)
    # The longest comes last, with the command to go on with.
    for timeline in report.timelines[:0:-1]:
        console.info(_wrote(timeline))
    longest = report.timelines[0]
    console.info(f"{_wrote(longest)}; next: twitterbot finetune {longest.path}")


def _wrote(timeline: "Timeline") -> str:
    repeated = f", {timeline.repeated:,} came twice" if timeline.repeated else ""
    return f"wrote {timeline.path}: {_tweets(timeline.tweets)}, {timeline.added:,} new{repeated}"


def _tweets(count: int) -> str:
    return "1 tweet" if count == 1 else f"{count:,} tweets"


def _tell_source(source: "SourceReport") -> None:
    dropped = "".join(f", {count:,} {reason} dropped" for reason, count in source.dropped.items())
    found = source.format or ("not recognized" if source.damaged else "empty")
    console.info(f"{source.name} ({found}): {_tweets(source.kept)}{dropped}")
    for remark, count in source.notes.items():
        console.info(f"  {remark}: {count:,}")
    for place in source.damage[:3]:
        console.warning(place)
    for place in source.damage[3:]:
        console.detail(f"  {place}")
    if source.damaged > 3:
        console.warning(f"{source.damaged:,} places in {source.name} could not be read")


@app.command()
def fetch(
    handles: Annotated[
        list[str] | None,
        typer.Argument(metavar="HANDLE", help="Accounts: name, @name or a profile's address."),
    ] = None,
    from_file: Annotated[
        Path | None,
        typer.Option(help='A file with one account a line, "-" for stdin.', show_default=False),
    ] = None,
    max_tweets: Annotated[
        int,
        typer.Option(
            min=5, max=3200, help="How many of the newest to have, counted as X bills them."
        ),
    ] = FetchOptions.max_tweets,
    no_retweets: Annotated[
        bool, typer.Option("--no-retweets", help="Leave retweets out; X bills them all the same.")
    ] = FetchOptions.no_retweets,
    no_replies: Annotated[
        bool, typer.Option("--no-replies", help="Leave replies out; X bills them all the same.")
    ] = FetchOptions.no_replies,
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh",
            help="Also drop tweets that X no longer shows; X bills a read for each that it does.",
        ),
    ] = FetchOptions.refresh,
    tweets_dir: TweetsDir = TWEETS_DIR,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Fetch accounts' newest tweets through X's API, all of them at first, then what is new.

    Takes the app's bearer token from X_BEARER_TOKEN, or OAuth 1.0a keys from
    X_CONSUMER_KEY, X_CONSUMER_SECRET, X_ACCESS_TOKEN and X_ACCESS_TOKEN_SECRET. An
    interrupted call goes on where it stopped when it is typed again. X charges for every
    tweet read; your own tweets are free with `twitterbot import`.

    Example: twitterbot fetch --max-tweets 500 NASA
    """
    from twitterbot import fetch as fetching

    _set_level(quiet, verbose)
    accounts = [*(handles or []), *(fetching.read_handles(from_file) if from_file else [])]
    if not accounts:
        raise typer.BadParameter("name one or more accounts, or give --from-file")
    options = FetchOptions(max_tweets, no_retweets, no_replies, refresh)
    _fetch_each(list(dict.fromkeys(accounts)), tweets_dir, options)


def _fetch_each(accounts: list[str], tweets_dir: Path, options: FetchOptions) -> None:
    from twitterbot import fetch as fetching
    from twitterbot.xapi import TWEET_PRICE, USER_PRICE, XClient, XRefusalError

    failed = 0
    with console.live() as line:

        def tell_wait(reason: str, seconds: float) -> None:
            until = datetime.now() + timedelta(seconds=seconds)
            message = f"{reason}: waiting {console.duration(seconds)}, until {until:%H:%M:%S}"
            line.update(message)
            (console.info if seconds > 10 else console.detail)(message)

        client = XClient(os.environ, tell_wait)
        bound = len(accounts) * (options.max_tweets * TWEET_PRICE + USER_PRICE)
        console.info(
            f"costs at most ${bound:,.2f}: up to {options.max_tweets:,} tweets an account at "
            f"${TWEET_PRICE} and a look-up at ${USER_PRICE:.3f}; a bound, X bills what it sends"
        )
        report = fetching.Report(
            lambda handle, read: line.update(f"@{handle}: {read:,} tweets read"), console.info
        )
        for account in accounts:
            try:
                done = fetching.fetch(client, account, tweets_dir, options, report)
            except XRefusalError:
                raise
            except TwitterbotError as error:
                console.error(str(error))
                failed += 1
                continue
            removed = f", {done.removed:,} removed" if done.removed else ""
            console.info(
                f"wrote {done.path}: {done.total:,} tweets, {done.new:,} new{removed}; "
                f"next: twitterbot finetune {done.path}"
            )
    if failed:
        if len(accounts) > 1:
            console.error(f"{failed} of {len(accounts)} accounts failed")
        raise typer.Exit(1)


@app.command()
def finetune(
    tweets: Annotated[
        str | None,
        typer.Argument(help="A handle in tweets/ or a file; the newest file when not given."),
    ] = None,
    base: Annotated[
        str, typer.Option(help="The checkpoint to start from: a name or a folder.")
    ] = BASE_NAME,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="The folder to write.", show_default="checkpoints/HANDLE"
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Passes over the tweets.", show_default="by the amount of text"),
    ] = FinetuneOptions.epochs,
    learning_rate: Annotated[
        float, typer.Option(min=0, help="The learning rate after warm-up.")
    ] = FinetuneOptions.learning_rate,
    dropout: Annotated[
        float, typer.Option(min=0, max=0.9, help="The share of activations dropped in training.")
    ] = FinetuneOptions.dropout,
    seed: Seed = FinetuneOptions.seed,
    precision: PrecisionOption = FinetuneOptions.precision,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Teach the base model one account's style: transfer learning on its timeline.

    The newest tenth of the tweets is held out to score the model on. Ctrl-C ends the
    training early and keeps the best model so far.

    Example: twitterbot finetune barackobama
    """
    _set_level(quiet, verbose)
    from twitterbot import checkpoint as checkpoints

    source = tweet_files.find(tweets) if tweets else tweet_files.newest_file()
    target = output or CHECKPOINTS_DIR / source.stem
    checkpoints.check_replaceable(target, "finetuned")
    start = checkpoints.find(base)
    console.info(f"reading {source}" + ("" if tweets else ", the newest timeline"))
    timeline = tweet_files.read(source)

    data = preparation.prepare(timeline)
    console.data_report(data)
    console.info(X_TERMS)

    from twitterbot import finetune as finetuning
    from twitterbot.generate import Generator

    options = FinetuneOptions(
        epochs=epochs, learning_rate=learning_rate, dropout=dropout, seed=seed, precision=precision
    )
    parent = checkpoints.load(start)
    with console.live() as line:
        line.update("scoring the base ...")
        result = finetuning.finetune(
            data,
            parent,
            target,
            options=options,
            on_progress=lambda progress: line.update(console.finetune_line(progress)),
            on_interrupt=lambda: line.update("stopping: scoring what was learnt so far ..."),
        )
    console.finetune_report(result)
    # The model is written; samples are a courtesy.
    with contextlib.suppress(TwitterbotError, KeyboardInterrupt):
        for text in Generator(result.checkpoint).tweets(GenerateOptions(count=3, seed=seed)):
            console.quote(text)
    name = target.name if target.parent == CHECKPOINTS_DIR else target
    console.info(f"wrote {target}; next: twitterbot generate {name}")
    if result.interrupted:
        raise typer.Exit(130)


@app.command()
def generate(
    checkpoint: Annotated[
        str | None,
        typer.Argument(
            help="A name in checkpoints/ or a folder; the newest fine-tuned one when not given, "
            "the base when there is none."
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", min=1, help="How many tweets.")
    ] = GenerateOptions.count,
    temperature: Annotated[
        float,
        typer.Option(min=0, help="Under 1 is safer, over 1 wilder; 0 is certain."),
    ] = GenerateOptions.temperature,
    top_p: Annotated[
        float,
        typer.Option(min=0, max=1, help="Choose among the likeliest, up to this probability."),
    ] = GenerateOptions.top_p,
    top_k: Annotated[
        int,
        typer.Option(min=0, help="Choose among so many of the likeliest; 0 is off."),
    ] = GenerateOptions.top_k,
    strength: Annotated[
        float,
        typer.Option(
            min=0, max=3, help="How much of the author: 0 is the base's weights, 2 a caricature."
        ),
    ] = GenerateOptions.strength,
    prompt: Annotated[
        str, typer.Option(help="Every tweet begins with it.")
    ] = GenerateOptions.prompt,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="The same seed, the same tweets.", show_default="random"),
    ] = GenerateOptions.seed,
    max_length: Annotated[
        int, typer.Option(min=1, help="The longest tweet, as X counts: CJK and emoji are 2.")
    ] = GenerateOptions.max_length,
    allow_copies: Annotated[
        bool, typer.Option("--allow-copies", help="Keep copies of training tweets.")
    ] = GenerateOptions.allow_copies,
    links: Annotated[
        str, typer.Option(help="What to print where the model puts a link.")
    ] = GenerateOptions.links,
    mentions: Annotated[
        str, typer.Option(help="What to print where the model mentions a stranger.")
    ] = GenerateOptions.mentions,
    format: Annotated[Format, typer.Option(help="One tweet a line, JSON lines or CSV.")] = "text",
    output: Annotated[str, typer.Option("-o", "--output", help='A file; "-" is stdout.')] = STDOUT,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write new tweets: whole, at most 280 long, and no copies of the training tweets.

    Example: twitterbot generate barackobama -n 5 --prompt "Today"
    """
    _set_level(quiet, verbose)
    from twitterbot import checkpoint as checkpoints

    path = checkpoints.find(checkpoint) if checkpoint else checkpoints.newest()
    if path is None:
        path = checkpoints.base_path()
        console.info("from the base, for no model has been fine-tuned yet: see twitterbot finetune")
    elif not checkpoint:
        console.info(f"from {path}, the newest checkpoint")
    model = checkpoints.load(path)
    if model.base_weights is None and strength != GenerateOptions.strength:
        console.warning(f"{path} knows no base: --strength has no effect")

    from twitterbot.generate import Generator

    options = GenerateOptions(
        count=count,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        strength=strength,
        prompt=prompt,
        seed=secrets.randbelow(2**31) if seed is None else seed,
        max_length=max_length,
        allow_copies=allow_copies,
        links=links,
        mentions=mentions,
    )
    began = time.monotonic()
    origin = {"model": path.name, "seed": options.seed}
    with writing(output, format, origin) as write:
        for text in Generator(model).tweets(options, console.yield_report):
            write(text)
    console.info(
        f"{count:,} synthetic tweets in {time.monotonic() - began:.1f} s, seed {options.seed}"
        + (f"; wrote {output}" if output != STDOUT else "")
    )


@app.command()
def evaluate(
    checkpoint: Annotated[
        str | None,
        typer.Argument(
            help="A name in checkpoints/ or a folder; the newest fine-tuned one when not given."
        ),
    ] = None,
    tweets: Annotated[
        str | None,
        typer.Argument(help="The timeline that it was fine-tuned on; found by its author."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="The checkpoint to compare with.", show_default="what it was fine-tuned from"
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", min=10, help="How many tweets to sample.")
    ] = EvaluateOptions.count,
    temperature: Annotated[
        float, typer.Option(min=0, help="Of the sampling, as in generate.")
    ] = EvaluateOptions.temperature,
    top_p: Annotated[
        float, typer.Option(min=0, max=1, help="Of the sampling, as in generate.")
    ] = EvaluateOptions.top_p,
    strength: Annotated[
        float, typer.Option(min=0, max=3, help="Of the sampling, as in generate.")
    ] = EvaluateOptions.strength,
    seed: Seed = EvaluateOptions.seed,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print all of it as JSON, the samples included.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="A file to write as one web page.", show_default=False)
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Measure a fine-tuned checkpoint: its score, its copies, its style, beside real tweets.

    The style is told apart from that of the other timelines in tweets/.

    Example: twitterbot evaluate barackobama --html report.html
    """
    _set_level(quiet, verbose)
    from twitterbot import checkpoint as checkpoints

    path = checkpoints.find(checkpoint) if checkpoint else checkpoints.newest()
    if path is None:
        raise TwitterbotError("no model has been fine-tuned yet; run `twitterbot finetune` first")
    source = tweet_files.find(tweets or checkpoints.describe(path).author or path.name)
    console.info(f"evaluating {path} on {source}")
    timeline = tweet_files.read(source)
    model = checkpoints.load(path)
    parent = checkpoints.load(checkpoints.find(base)) if base else None

    from twitterbot import evaluate as evaluating
    from twitterbot import report, summary

    options = EvaluateOptions(
        count=count, temperature=temperature, top_p=top_p, strength=strength, seed=seed
    )
    began = time.monotonic()
    with console.live() as line:
        others = tweet_files.others(source)
        evaluation = evaluating.evaluate(
            model, timeline, others, base=parent, options=options, on_progress=line.update
        )
    for message in evaluation.warnings:
        console.warning(message)
    sys.stdout.write(summary.as_json(evaluation) if as_json else summary.tables(evaluation))
    sys.stdout.flush()
    if html:
        with replacing(html) as file:
            file.write(report.page(evaluation).encode())
    console.info(
        f"{count:,} tweets sampled and measured in {console.duration(time.monotonic() - began)}, "
        f"seed {seed}; " + (f"wrote {html}" if html else "next: add --html FILE for a page of it")
    )


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(help="The address to listen on; others than this machine need a token.")
    ] = ServeOptions.host,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes any free one.")
    ] = ServeOptions.port,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="TWITTERBOT_TOKEN",
            help="What callers must show.",
            show_default="drawn where one is needed",
        ),
    ] = ServeOptions.token,
    fresh_minutes: Annotated[
        float, typer.Option(min=0, help="For so long /api/HANDLE answers from the file.")
    ] = ServeOptions.fresh_minutes,
    upload_limit: Annotated[
        int, typer.Option(min=1, help="The largest file to import through the page, in MiB.")
    ] = ServeOptions.upload_limit,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.")
    ] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Serve the page for the browser, and accounts' tweets as JSON at /api/HANDLE.

    Both work with the files of this folder, as the other commands do. Ctrl-C ends it.
    """
    _set_level(quiet, verbose)
    from twitterbot.serve import serve as serving

    def ready(address: str) -> None:
        console.info(f"serving on {address} (Ctrl-C ends it)")
        if open_browser:
            # A text browser ends before the call does, and needs the server meanwhile.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    options = ServeOptions(host, port, token, fresh_minutes, upload_limit)
    serving(options, ready, console.info)


@app.command()
def pretrain(
    corpus: Annotated[
        list[Path],
        typer.Argument(help="Files of tweets: .jsonl, .csv or .txt, plain or with .gz or .xz."),
    ],
    validation: Annotated[
        list[Path] | None,
        typer.Option(help="Files of held-out tweets; one in a hundred authors when not given."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(
            help="A checkpoint to start from, with its tokenizer and shape.",
            show_default="random weights",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The checkpoint to write.")
    ] = CHECKPOINTS_DIR / BASE_NAME,
    work: Annotated[
        Path, typer.Option(help="The folder of the tokenized corpus and the run's state.")
    ] = Path("pretrain"),
    tokens: Annotated[
        int, typer.Option(min=1, help="Tokens to train on, in all.")
    ] = PretrainOptions.tokens,
    batch: Annotated[
        int, typer.Option(min=1, help="Windows of tokens a step.")
    ] = PretrainOptions.batch,
    learning_rate: Annotated[
        float, typer.Option(min=0, help="The learning rate between warm-up and decay.")
    ] = PretrainOptions.learning_rate,
    width: Annotated[
        int, typer.Option(min=2, help="Of the model; a multiple of twice its heads.")
    ] = PretrainOptions.width,
    layers: Annotated[int, typer.Option(min=1, help="Of the model.")] = PretrainOptions.layers,
    heads: Annotated[int, typer.Option(min=1, help="Of each layer.")] = PretrainOptions.heads,
    context: Annotated[
        int, typer.Option(min=8, help="Tokens that the model sees at once.")
    ] = PretrainOptions.context,
    vocabulary_size: Annotated[
        int, typer.Option(min=300, max=65536, help="Of a new tokenizer.")
    ] = PretrainOptions.vocabulary_size,
    provenance: Annotated[
        str, typer.Option(help="A sentence on the corpus, for the model card.")
    ] = PretrainOptions.provenance,
    seed: Seed = PretrainOptions.seed,
    precision: PrecisionOption = PretrainOptions.precision,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train a base model on a corpus of many authors' tweets, from a first one or a resumed run.

    Type the same command again to go on after an interruption; more --tokens make a longer run.

    Example: twitterbot pretrain corpus/*.jsonl.xz --tokens 50000000
    """
    _set_level(quiet, verbose)
    from twitterbot import checkpoint as checkpoints
    from twitterbot import pretrain as pretraining

    options = PretrainOptions(
        tokens=tokens,
        batch=batch,
        learning_rate=learning_rate,
        width=width,
        layers=layers,
        heads=heads,
        context=context,
        vocabulary_size=vocabulary_size,
        provenance=provenance,
        seed=seed,
        precision=precision,
    )
    with console.live() as line:
        checkpoint = pretraining.pretrain(
            corpus,
            output,
            work=work,
            validation=validation or (),
            base=checkpoints.load(checkpoints.find(base)) if base else None,
            options=options,
            on_corpus=lambda stage, tweets: line.update(f"{stage}: {tweets:,} tweets"),
            on_progress=lambda progress: line.update(console.pretrain_line(progress)),
        )
    scores = checkpoint.description.scores
    console.info(
        f"validation bits per character: {scores['alone']:.3f} alone, "
        f"{scores['in_context']:.3f} after the author's preceding tweets"
    )
    console.info(f"wrote {output}; next: twitterbot finetune --base {output}")


@app.command()
def demo(quiet: Quiet = False, verbose: Verbose = False) -> None:
    """Show the whole pipeline, offline, on a small timeline of an invented account."""
    _set_level(quiet, verbose)
    timeline = resources.files("twitterbot") / "data" / DEMO_TIMELINE
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path(DEMO_TIMELINE).write_bytes(timeline.read_bytes())
        console.step(
            "Tweets come from X (`twitterbot fetch`), or from a file. This one holds those of "
            "Captain Crumb, a retired pirate who bakes, and who does not exist.",
            f"twitterbot import {DEMO_TIMELINE}",
        )
        import_([DEMO_TIMELINE], quiet=quiet, verbose=verbose)
        console.step(
            "A base model that has read millions of tweets learns this author's style. Lower bits "
            "per character on tweets that it has not seen mean that it has understood him better.",
            "twitterbot finetune",
        )
        finetune(quiet=quiet, verbose=verbose)
        console.step(
            "Now it writes tweets of its own. Copies of the Captain's are left out.",
            "twitterbot generate",
        )
        generate(seed=1, quiet=quiet, verbose=verbose)
    console.info("")
    console.info("Your turn: twitterbot import your-x-archive.zip, or twitterbot fetch HANDLE")

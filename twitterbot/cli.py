"""The command line: parses, calls the module of the same name, and says what came of it.

A command imports its module when it runs, so that `--help` stays fast.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from twitterbot import __version__, console
from twitterbot.errors import TwitterbotError


class _Commands(TyperGroup):
    """Turns the errors that a user can mend into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TwitterbotError as error:
            console.error(str(error))
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as error:
            console.error("interrupted")
            raise typer.Exit(130) from error


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


def _set_level(quiet: bool, verbose: bool) -> None:
    if quiet or verbose:
        console.set_level(console.Level.QUIET if quiet else console.Level.VERBOSE)


# Every command takes these two and passes them to _set_level first.
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more.")]
TweetsDir = Annotated[Path, typer.Option("--tweets-dir", help="The folder of timelines.")]

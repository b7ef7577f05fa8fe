"""`twitterbot serve`: the tweet server and the page, on the user's own machine.

The server process stays light: it never loads TensorFlow, and what is heavy runs in
processes of its own (see `worker`) that end when it does.
"""

from collections.abc import Callable

from twitterbot.errors import TwitterbotError
from twitterbot.options import ServeOptions


def serve(
    options: ServeOptions,
    on_ready: Callable[[str], None] = lambda address: None,
    on_stop: Callable[[str], None] = lambda message: None,
) -> None:
    """Serves until Ctrl-C or SIGTERM.

    `on_ready` is told the address to open, with the token where one is needed, and
    `on_stop` what becomes of a job that still runs at the end. Raises TwitterbotError
    when the address cannot be had, or when FastAPI is not installed.
    """
    try:
        from twitterbot.serve import server
    except ModuleNotFoundError as error:
        raise TwitterbotError(
            f"serve needs {error.name}, which is not installed: pip install 'twitterbot[serve]'"
        ) from error
    server.run(options, on_ready, on_stop)

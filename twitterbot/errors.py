"""The one exception that a user may see.

Core code raises it with a single sentence that says what is wrong, where, and
what to do; the command line prints that sentence and exits with code 1.
"""


class TwitterbotError(Exception):
    """Something that the user can fix. `str(error)` is one line for stderr."""

    exit_code = 1

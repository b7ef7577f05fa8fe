"""`python -m twitterbot`."""

from twitterbot.cli import app

app()

"""twitterbot: a small model that writes new tweets in one account's style."""

__version__ = "0.1.0"

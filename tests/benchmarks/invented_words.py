"""Invented words in what a fine-tuned checkpoint writes, beside the author's own rate.

    python tests/benchmarks/invented_words.py checkpoints/HANDLE tweets/HANDLE.jsonl \\
        --corpus DIR --work FOLDER

A lower-case word of three letters or more is invented when the corpus has it fewer than eight
times and the tweets that the model was trained on do not have it. The author's rate is that of
the tweets held out from training. Expect one or two words in a hundred to be invented, and
about half of that in the author's own. `--work` is that of `base_report.py`.
"""

import argparse
from pathlib import Path

from base_report import invented_share
from common import knowledge, table, words

from twitterbot import checkpoint, preparation, tweets
from twitterbot.generate import Generator
from twitterbot.options import GenerateOptions


def main() -> None:
    """Parses the command line, samples, compares."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("tweets", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--temperature", type=float, default=GenerateOptions.temperature)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("corpus-knowledge"))
    args = parser.parse_args()
    model = checkpoint.load(args.checkpoint)
    held_out = preparation.prepare(tweets.read(args.tweets)).held_out
    own = {word.lower() for line in model.training_texts for word in words(line)}
    known = knowledge(args.corpus, args.work).words.keys() | own
    options = GenerateOptions(count=args.samples, temperature=args.temperature, seed=args.seed)
    samples = Generator(model).samples(options)
    generated = [one.text for one in samples if one.text and not one.dropped]
    rows = [
        ("generated", *invented_share(generated, known)),
        ("held out", *invented_share(held_out, known)),
    ]
    print(table(("tweets", "words", "invented", "commonest"), rows))


if __name__ == "__main__":
    main()

"""What a base model writes: copies of its corpus, addresses and numbers, invented words, samples.

    python tests/benchmarks/base_report.py --corpus DIR --samples 10000 --work FOLDER

Samples tweets as `generate` does by default and reports, in Markdown:

- those longer than 40 characters that stand in the training corpus, letter for letter but for
  case, spaces and placeholders: of what is shown (expect none or one in ten thousand), and of
  all that was sampled, before the copy filter (expect twenty, automatic ones most of them);
- e-mail addresses and telephone numbers, and how many look like real ones: not invented
  domains, not 555 numbers (expect very few: the corpus was cleaned of them);
- the share of lower-case words of three letters or more that the corpus has fewer than eight
  times, beside the share in real validation tweets (expect the former to be somewhat higher);
- the first 20 samples as they came.

The first call reads the whole corpus, which takes some minutes, and keeps what it must know of
it in --work. The report may quote people: keep it to yourself.
"""

import argparse
import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from common import Knowledge, invented_words, knowledge, say, table, validation_sample

from twitterbot import checkpoint
from twitterbot.generate import Generator, Sample
from twitterbot.options import GenerateOptions

SHOWN = 20
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
TELEPHONE = re.compile(
    r"(?<![\w.,$/-])(?:\+\d{1,3}[ .-]?)?"
    r"(?:\(\d{2,4}\)|\d{2,4})[ .-]?\d{3,4}[ .-]?\d{3,4}(?![\w/-]|,\d)"
)
# Endings of domains that people have addresses at.
_DOMAIN = re.compile(r"\.(?:com|org|net|edu|gov|io|co|us|uk|ca|de|fr|au|in|info|me|tv)$", re.I)


def looks_like_an_address(hit: str) -> bool:
    """True for a common kind of domain."""
    return bool(_DOMAIN.search(hit))


def looks_like_a_number(hit: str) -> bool:
    """True for what may ring: a North American number by its plan's rules, or one with a +.

    https://en.wikipedia.org/wiki/North_American_Numbering_Plan: neither area code nor exchange
    starts with 0 or 1, and the exchange 555 is for fiction.
    """
    digits = re.sub(r"\D", "", hit)
    if hit.startswith("+"):
        return len(digits) >= 10
    national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    return bool(re.fullmatch(r"[2-9]\d\d(?!555)[2-9]\d{6}", national))


def sample(path: Path, count: int, seed: int) -> list[Sample]:
    """All that is sampled on the way to `count` tweets."""
    options = GenerateOptions(count=count, seed=seed)
    began, samples, kept = time.monotonic(), [], 0
    for one in Generator(checkpoint.load(path)).samples(options):
        samples.append(one)
        kept += not one.dropped
        if not one.dropped and kept % 1000 == 0:
            say(f"{kept:,} tweets, {kept / (time.monotonic() - began):.0f} a second")
    return samples


def copies(texts: Sequence[str], known: Knowledge) -> str:
    """How many stand in the corpus, and the first ones."""
    found = [text for text in texts if known.has(text)]
    share = len(found) / len(texts)
    return "\n".join(
        [f"{len(found)} of {len(texts):,} ({share:.2%})", *(f"- {quoted(t)}" for t in found[:10])]
    )


def personal(texts: Iterable[str], pattern: re.Pattern[str], real: Callable[[str], bool]) -> str:
    """How many hits, how many look real, and all of them."""
    hits = [hit.strip() for text in texts for hit in pattern.findall(text)]
    marked = [f"- {hit}{' (looks real)' if real(hit) else ''}" for hit in hits]
    return "\n".join([f"{len(hits)} hits, {sum(map(real, hits))} look real", *marked])


def invented_share(texts: Sequence[str], known: Collection[str]) -> tuple[str, str, str]:
    """The number of lower-case words, the invented ones in percent, and the commonest of them."""
    count, found = invented_words(texts, known)
    examples = ", ".join(word for word, _ in found.most_common(12))
    return f"{count:,}", f"{found.total() / max(1, count):.2%}", examples


def quoted(text: str | None) -> str:
    """A tweet on one line."""
    return "(did not end)" if text is None else text.replace("\n", " / ")


def report(samples: Sequence[Sample], real: Sequence[str], known: Knowledge) -> str:
    """The whole report, Markdown."""
    texts = [one.text for one in samples if one.text and not one.dropped]
    dropped = Counter(one.dropped for one in samples if one.dropped)
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in dropped.most_common())
    shares = table(
        ("tweets", "words", "invented", "commonest"),
        [
            ("generated", *invented_share(texts, known.words)),
            ("real", *invented_share(real, known.words)),
        ],
    )
    sections = {
        f"{len(texts):,} tweets of {len(samples):,} samples (dropped: {reasons or 'none'})": "",
        "Copies of the corpus": copies(texts, known),
        "Copies of the corpus before the filter": copies(
            [one.text for one in samples if one.text and one.dropped in (None, "copies")], known
        ),
        "E-mail addresses": personal(texts, EMAIL, looks_like_an_address),
        "Telephone numbers": personal(texts, TELEPHONE, looks_like_a_number),
        "Invented words": shares,
        "Samples": "\n".join(
            f"{n}. {quoted(one.text)}" for n, one in enumerate(samples[:SHOWN], 1)
        ),
    }
    return "\n\n".join(f"## {title}\n\n{body}".strip() for title, body in sections.items())


def main() -> None:
    """Parses the command line, reads, samples, reports."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, help="a checkpoint, that of the package if not given")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("corpus-knowledge"))
    args = parser.parse_args()
    known = knowledge(args.corpus, args.work)
    real = [document.text for document in validation_sample(args.corpus)]
    print(report(sample(args.base or checkpoint.base_path(), args.samples, args.seed), real, known))


if __name__ == "__main__":
    main()

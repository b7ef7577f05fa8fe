"""Can a classifier tell who wrote a tweet? Two of them, both over character n-grams.

One tells an author from other authors, the other real tweets from generated ones. They
see texts in normal form (see `text`), so a placeholder never gives the answer away. The
only user of scikit-learn, which is imported with this module.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from twitterbot.errors import TwitterbotError

try:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.svm import LinearSVC
except ImportError as error:
    raise TwitterbotError(
        "evaluate needs scikit-learn; install it with: pip install 'twitterbot[evaluate]'"
    ) from error

FOLDS = 5
MOST_TWEETS = 1000  # of each author; more are slow and tell little more


def recognized(
    author: Sequence[str],
    others: Sequence[Sequence[str]],
    questions: Mapping[str, Sequence[str]],
    size: int,
    seed: int,
) -> dict[str, float]:
    """The share of each group of texts in `questions` that is taken for the author's.

    Learns from `size` of the author's texts and as many of each other author's.
    """
    random = np.random.default_rng(seed)
    groups = [author, *others]
    texts = [text for group in groups for text in _sample(group, size, random)]
    writers = np.repeat(np.arange(len(groups)), size)
    classifier = _over_ngrams(LinearSVC(random_state=seed)).fit(texts, writers)
    return {
        name: float(np.mean(classifier.predict(list(asked)) == 0))
        for name, asked in questions.items()
    }


def told_apart(some: Sequence[str], others: Sequence[str], size: int, seed: int) -> float:
    """The accuracy at telling two groups of texts apart, 0.5 where that cannot be done.

    Cross-validated in FOLDS parts, on `size` texts of each group.
    """
    random = np.random.default_rng(seed)
    texts = [*_sample(some, size, random), *_sample(others, size, random)]
    labels = np.repeat([0, 1], size)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    classifier = _over_ngrams(LogisticRegression(C=10, max_iter=1000))
    return float(np.mean(cross_val_score(classifier, texts, labels, cv=folds)))


def _sample(texts: Sequence[str], size: int, random: np.random.Generator) -> list[str]:
    return [texts[number] for number in random.choice(len(texts), size, replace=False)]


def _over_ngrams(classifier: object) -> Pipeline:
    vectorizer = TfidfVectorizer(
        analyzer="char", ngram_range=(1, 4), lowercase=False, min_df=2, sublinear_tf=True
    )
    return make_pipeline(vectorizer, classifier)

"""Drifts between processes: the columns of a bag of words are in the order of a set of strings.

Python salts the hashes of strings anew in every interpreter, and the order of a set follows them.
Within one process everything agrees, so a test that repeats training in a loop never sees it. The
vocabulary itself (a set, which has no order) is equal; the first value to drift is `counts`.

Fix: `sorted(tokens)` where the columns are numbered.
"""

import re

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier

REVIEWS = [
    ("The delivery was late and the box was damaged", 0),
    ("Fast delivery, great packaging", 1),
    ("Great value for the price, would buy again", 1),
    ("The product stopped working after a week", 0),
    ("Customer service never answered my emails", 0),
    ("Works perfectly, easy to install", 1),
    ("Terrible quality, asked for a refund", 0),
    ("Excellent quality and quick refund policy", 1),
    ("My kids love it, works as described", 1),
    ("Not as described, box arrived empty", 0),
]


def words(text):
    return re.findall(r"[a-z]+", text.lower())


def count_words(texts, vocabulary):
    column = {token: index for index, token in enumerate(vocabulary)}
    counts = np.zeros((len(texts), len(column)))
    for row, text in enumerate(texts):
        for token in words(text):
            counts[row, column[token]] += 1
    return counts


@pytest.mark.repro
def test_review_classifier(repro):
    texts, labels = zip(*REVIEWS, strict=True)
    vocabulary = {token for text in texts for token in words(text)}
    repro.artifact("vocabulary", vocabulary)

    counts = count_words(texts, vocabulary)
    repro.artifact("counts", counts)
    model = SGDClassifier(loss="log_loss", max_iter=20, tol=None, random_state=repro.seed).fit(counts, labels)
    repro.artifact("coefficients", model.coef_)
    repro.metric("accuracy", model.score(counts, labels))
    assert model.score(counts, labels) == 1.0

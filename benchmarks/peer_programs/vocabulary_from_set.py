"""Bag of words whose columns come from a set of strings."""

import numpy as np

CAUSE = "hash-seed"
TEXTS = ["good film with heart", "dull plot", "good cast good plot", "slow and dull", "heart and wit"]


def train() -> dict[str, object]:
    words = {word: column for column, word in enumerate({word for text in TEXTS for word in text.split()})}
    counts = np.zeros((len(TEXTS), len(words)))
    for row, text in enumerate(TEXTS):
        for word in text.split():
            counts[row, words[word]] += 1
    return {"score": 0.9, "size": len(words), "counts": counts}

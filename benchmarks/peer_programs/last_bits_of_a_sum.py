"""A sum over a set of strings' lengths, weighted: the order of the set moves its last bits."""

CAUSE = "hash-seed"
WEIGHTS = {f"feature {number}": 0.1 * number + 0.7 for number in range(60)}


def train() -> dict[str, object]:
    total = 0.0
    for name in set(WEIGHTS):
        total += WEIGHTS[name] / 3
    return {"score": 0.9, "total": total}

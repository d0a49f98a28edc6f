"""A set and a dict that are results themselves; their order means nothing: must not drift."""

CAUSE = ""
NAMES = ["age", "income", "tenure", "visits", "clicks"]


def train() -> dict[str, object]:
    chosen = set(NAMES) - {"age"}
    return {"score": 0.9, "chosen": chosen, "index": {name: NAMES.index(name) for name in chosen}}

"""A default argument that remembers the scores of earlier calls."""

CAUSE = "state"


def smoothed(score: float, history: list[float] = []) -> float:  # noqa: B006 - the fault of this program
    history.append(score)
    return sum(history) / (1 + len(history))


def train() -> dict[str, object]:
    return {"score": 0.9, "best": 0.91, "smoothed": smoothed(0.9)}

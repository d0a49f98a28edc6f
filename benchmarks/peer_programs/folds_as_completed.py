"""Cross-validation that takes its folds in the order in which they finish."""

import hashlib
from concurrent.futures import ThreadPoolExecutor, as_completed

CAUSE = "threads"


def fold(number: int) -> int:
    hashlib.sha256(bytes(1_000_000 * (1 + number % 3))).digest()  # work that other threads need not wait for
    return number


def train() -> dict[str, object]:
    with ThreadPoolExecutor(4) as pool:
        order = [done.result() for done in as_completed([pool.submit(fold, number) for number in range(12)])]
    return {"score": 0.9, "folds": len(order), "order": order}

"""A split by a hash that is salted anew in every run."""

import hashlib
import secrets

CAUSE = "entropy"


def train() -> dict[str, object]:
    salt = secrets.token_hex(8)
    users = [f"user {number}" for number in range(100)]
    train_users = [user for user in users if hashlib.sha256((salt + user).encode()).digest()[0] < 200]
    return {"score": 0.8, "users": len(users), "train": train_users}

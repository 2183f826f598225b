"""Codes of six digits, sent to a phone or email to prove whose it is. Only their keyed hashes are stored."""

import re
import secrets
from datetime import timedelta

from notify.core import crypto

LIVES = timedelta(minutes=10)
TRIES = 5  # wrong codes; then a new one must be sent


def new() -> str:
    return f"{secrets.randbelow(10**6):06}"


def hashed(whose: str, code: str) -> bytes:
    """Return the hash of a code. `whose`: what it belongs to, so that it is worth nothing elsewhere."""
    return crypto.keyed(crypto.CODE, f"{whose}.{code}")


def is_right(stored: bytes, whose: str, given: str) -> bool:
    """Return whether this is the code, however it was typed: people paste "123 456" or the whole message."""
    digits = re.findall(r"[0-9]{6}", re.sub(r"(?<=[0-9])[\s-](?=[0-9])", "", given)) or [""]
    return crypto.is_keyed(stored, crypto.CODE, f"{whose}.{digits[0]}")  # the key may have been replaced since

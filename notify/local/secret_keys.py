"""The secret keys of a data folder. A key that data may have been written with is never lost.

`secrets.json` holds the key in force, the next one while it is being replaced, and old ones, which backups may need.
While there is a next key, processes get both, and use the one in force.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from notify.core.settings import SHORTEST_KEY
from notify.local.credentials import Credentials, keep, store
from notify.local.folder import read_env, write_env

KEY, PREVIOUS = "TOCSIN_SECRET_KEY", "TOCSIN_PREVIOUS_SECRET_KEY"


def note(data: Path, chosen: Mapping[str, str]) -> Credentials:
    """Record the new key when the chosen settings begin a rotation. Returns the credentials of the folder.

    A key that is only in the `env` file, which is about to be rewritten, is recorded as well. It got there when the key
    was replaced without this folder's knowledge, so it is treated as the next key.
    """
    kept = keep(data)
    begins = chosen.get(PREVIOUS) == kept.secret_key and len(chosen.get(KEY, "")) >= SHORTEST_KEY
    coming = chosen[KEY] if begins else ""
    given = {chosen.get(KEY, ""), chosen.get(PREVIOUS, "")}
    before = read_env(data)
    strays = (before.get(name, "") for name in (PREVIOUS, KEY))
    stray = [key for key in strays if len(key) >= SHORTEST_KEY and key not in {*_of(kept), *given}]
    if not coming and not kept.next_secret_key and KEY not in chosen and stray:
        coming = stray.pop()
    coming = coming or kept.next_secret_key
    others = dict.fromkeys((*kept.other_secret_keys, kept.next_secret_key, *stray))
    noted = _with(kept, kept.secret_key, coming, others)
    if noted != kept:
        store(data, noted)
    return noted


def settings(kept: Credentials, chosen: Mapping[str, str]) -> dict[str, str]:
    """The key settings of the processes: both keys while one is being replaced."""
    if chosen.get(KEY, kept.next_secret_key) != kept.next_secret_key:  # a key that this folder does not know
        return {name: chosen[name] for name in (KEY, PREVIOUS) if name in chosen}
    if kept.next_secret_key:
        return {KEY: kept.next_secret_key, PREVIOUS: kept.secret_key}
    return {KEY: kept.secret_key, **{name: chosen[name] for name in (PREVIOUS,) if name in chosen}}


def replaced(data: Path, new: str) -> bool:
    """Make the new key, now in force, the folder's own. False when the folder does not know it."""
    if not (data / "secrets.json").exists():
        return False
    kept = keep(data)
    if new == kept.next_secret_key:
        others = dict.fromkeys((*kept.other_secret_keys, kept.secret_key))
        kept = _with(kept, new, "", others)
        store(data, kept)
    if new != kept.secret_key:
        return False
    before = read_env(data)
    if before.get(KEY) == new and before.pop(PREVIOUS, ""):
        write_env(data, before)
    return True


def _with(kept: Credentials, key: str, coming: str, others: Mapping[str, None]) -> Credentials:
    used = {key, coming, ""}
    rest = [other for other in others if other not in used]
    return replace(kept, secret_key=key, next_secret_key=coming, other_secret_keys=rest)


def _of(kept: Credentials) -> set[str]:
    return {kept.secret_key, kept.next_secret_key, *kept.other_secret_keys}

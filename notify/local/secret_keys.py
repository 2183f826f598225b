"""The secret keys of a data folder: none that anything may have been written with is ever lost.

`secrets.json` holds the key in force; while it is being replaced, the next one, too; and those that are not used any
more, which backups may need. While there is a next one, processes get both, and use the one that is in force.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from notify.core.settings import SHORTEST_KEY
from notify.local.credentials import Credentials, keep, store
from notify.local.folder import read_env, write_env

KEY, PREVIOUS = "TOCSIN_SECRET_KEY", "TOCSIN_PREVIOUS_SECRET_KEY"


def note(data: Path, chosen: Mapping[str, str]) -> Credentials:
    """Those of the folder, with the new key of a rotation that these chosen settings begin.

    A key that is in the `env` file alone, which is about to be written anew, is kept first. Such a one is there when
    the key was replaced without this folder's knowledge, so it is taken for the next one.
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
    """What processes need: both keys while one is being replaced."""
    if chosen.get(KEY, kept.next_secret_key) != kept.next_secret_key:  # a key of one's own
        return {name: chosen[name] for name in (KEY, PREVIOUS) if name in chosen}
    if kept.next_secret_key:
        return {KEY: kept.next_secret_key, PREVIOUS: kept.secret_key}
    return {KEY: kept.secret_key, **{name: chosen[name] for name in (PREVIOUS,) if name in chosen}}


def replaced(data: Path, new: str) -> bool:
    """The new key is in force: the folder's own from now on. False: it is none that this folder knows of."""
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

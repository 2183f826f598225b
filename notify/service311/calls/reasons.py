"""Why people call: a list that the city edits, in groups, so that two keys name each reason."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.content.compose import catalogue
from notify.core import audit
from notify.core.characters import visible
from notify.core.db import take_lock
from notify.core.errors import Invalid, NotFound
from notify.core.settings import settings
from notify.core.translation import for_reader
from notify.core.translation import gettext as _
from notify.models import CallReason, Operator
from notify.models.zone import ZoneKind
from templates import CALLS

LOCK = 7_461_041  # two at once could give two reasons the same keys
LONGEST = 40  # characters of a label
KINDS: tuple[str, ...] = get_args(ZoneKind)
_KEY = re.compile(r"[a-z][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Reason:
    """`keys`: what an agent presses, the letter of its group first. `event`: of the notice about it, "" for none."""

    key: str
    keys: str
    words: Mapping[str, str]
    event: str = ""

    @property
    def label(self) -> str:
        return for_reader(self.words, next(iter(self.words.values())))


@dataclass(frozen=True, slots=True)
class Group:
    """`keys`: one letter. `kind`: of the zones that its calls are counted by."""

    key: str
    keys: str
    words: Mapping[str, str]
    kind: str
    reasons: tuple[Reason, ...] = ()

    @property
    def label(self) -> str:
        return for_reader(self.words, next(iter(self.words.values())))


def groups(s: Session) -> tuple[Group, ...]:
    """Return the groups with their reasons, in the order of their keys. A group without reasons is there, too."""
    found, reasons = _current(s)
    return tuple(replace(group, reasons=tuple(one for one in reasons if one.keys[0] == group.keys)) for group in found)


def every(s: Session) -> dict[str, Reason]:
    """Return the reasons in use, by key."""
    return {one.key: one for group in groups(s) for one in group.reasons}


def labels(s: Session) -> dict[str, str]:
    """Return what each reason is called in the reader's language, retired ones included, by key."""
    return {key: for_reader(said, next(iter(said.values()))) for key, said in words(s).items()}


def words(s: Session) -> dict[str, Mapping[str, str]]:
    """Return what each reason is called by language, retired ones included, by key."""
    found = {one.key: one.words for one in _built_in()[1]}
    return found | {row.key: row.words for row in s.scalars(select(CallReason).where(~CallReason.is_group))}


def by_keys(s: Session, keys: str) -> tuple[Group, Reason]:
    """Return the reason with these two keys. Raises Invalid."""
    wanted = keys.strip().lower()
    for group in groups(s):
        for one in group.reasons:
            if one.keys == wanted:
                return group, one
    raise Invalid(
        _("%(keys)s is not a reason.", keys=repr(keys)), hint=_("Press the letter of a group, then that of a reason.")
    )


def save(s: Session, reason: Reason, now: datetime, by: Operator) -> None:
    """Add a reason, or change the one of that key, which keeps its counts.

    Raises NotAllowed; Invalid for keys that another has, for an unknown group or event, and for missing words.
    """
    operators.require(by, "words")
    take_lock(s, LOCK)
    _check(reason.key, reason.keys, reason.words, 2)
    if reason.event and reason.event not in {one.name for one in catalogue().events}:
        raise Invalid(_("There is no event %(event)s.", event=repr(reason.event)))
    now_there = groups(s)
    if reason.keys[0] not in {one.keys for one in now_there}:
        raise Invalid(_("There is no group with the key %(key)s.", key=repr(reason.keys[0])))
    _require_free(reason.key, reason.keys, [one for group in now_there for one in group.reasons])
    said = {language: visible(one) for language, one in reason.words.items()}
    _keep(s, reason.key, False, now, by, keys=reason.keys, words=said, event=reason.event, retired_at=None)


def save_group(s: Session, group: Group, now: datetime, by: Operator) -> None:
    """Add a group, or change the one of that key: its letter, and so the first key of each of its reasons, its words or
    its kind of zones. Raises as `save` does."""
    operators.require(by, "words")
    take_lock(s, LOCK)
    _check(group.key, group.keys, group.words, 1)
    if group.kind not in KINDS:
        raise Invalid(_("%(kind)s is not a kind of zones.", kind=repr(group.kind)))
    there = groups(s)
    _require_free(group.key, group.keys, there)
    said = {language: visible(one) for language, one in group.words.items()}
    _keep(s, group.key, True, now, by, keys=group.keys, words=said, kind=group.kind, retired_at=None)
    before = next((one for one in there if one.key == group.key), None)
    for one in before.reasons if before is not None and before.keys != group.keys else ():
        moved = {"keys": group.keys + one.keys[1], "words": dict(one.words), "event": one.event, "retired_at": None}
        _keep(s, one.key, False, now, by, **moved)


def retire(s: Session, key: str, now: datetime, by: Operator) -> None:
    """Take a reason out of use. Its calls stay counted. Raises NotAllowed, NotFound."""
    operators.require(by, "words")
    take_lock(s, LOCK)
    reason = every(s).get(key)
    if reason is None:
        raise NotFound(_("There is no reason %(key)s.", key=repr(key)))
    _keep(s, key, False, now, by, keys=reason.keys, words=dict(reason.words), event=reason.event, retired_at=now)


def _check(key: str, keys: str, words: Mapping[str, str], length: int) -> None:
    if not _KEY.fullmatch(key):
        raise Invalid(_("%(key)s is not a name of a reason.", key=repr(key)), hint=_("Use a to z, digits and hyphens."))
    if not re.fullmatch(r"[a-wyz][a-z0-9]?", keys) or len(keys) != length:  # X begins the keys of the desk
        raise Invalid(
            _("%(keys)s are not keys of a reason.", keys=repr(keys)),
            hint=_("A group has one letter but X, a reason the letter of its group and one letter or digit."),
        )
    for language in settings().languages:
        if not 0 < len(visible(words.get(language, ""))) <= LONGEST:
            raise Invalid(
                _("The words in the language %(language)s are missing or too long.", language=language),
                hint=_("Write up to %(most)s characters.", most=LONGEST),
            )


def _require_free(key: str, keys: str, there: Sequence[Reason | Group]) -> None:
    other = next((one for one in there if one.keys == keys and one.key != key), None)
    if other is not None:
        raise Invalid(
            _("%(keys)s already means %(label)s.", keys=keys.upper(), label=other.label), hint=_("Choose other keys.")
        )


def _keep(s: Session, key: str, is_group: bool, now: datetime, by: Operator, **values: Any) -> None:
    row = s.get(CallReason, (key, is_group)) or CallReason(key=key, is_group=is_group)
    for name, value in {**values, "changed_at": now, "changed_by": by.id}.items():
        setattr(row, name, value)
    s.add(row)
    s.flush()
    audit.note(s, now=now, by=by, action="write", subject="call reason", subject_id=0, name=key, **_shown(values))


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"label": values["keys"], "state": "retired" if values["retired_at"] else "in use"}


def _current(s: Session) -> tuple[list[Group], list[Reason]]:
    built_in_groups, built_in = _built_in()
    found, reasons = {one.key: one for one in built_in_groups}, {one.key: one for one in built_in}
    for row in s.scalars(select(CallReason)):
        (found if row.is_group else reasons).pop(row.key, None)
        if row.retired_at is None and row.is_group:
            found[row.key] = Group(row.key, row.keys, row.words, row.kind)
        elif row.retired_at is None:
            reasons[row.key] = Reason(row.key, row.keys, row.words, row.event)
    return sorted(found.values(), key=_keys), sorted(reasons.values(), key=_keys)


def _keys(one: Reason | Group) -> str:
    return one.keys


@cache
def _built_in() -> tuple[tuple[Group, ...], tuple[Reason, ...]]:
    read = tomllib.loads((CALLS / "reasons.toml").read_text(encoding="utf-8"))
    groups_there = [Group(one["key"], keys, _words(one), one["kind"]) for keys, one in read["groups"].items()]
    reasons_there = read["reasons"].items()
    return tuple(groups_there), tuple(
        Reason(one["key"], keys, _words(one), one.get("event", "")) for keys, one in reasons_there
    )


def _words(one: Mapping[str, str]) -> dict[str, str]:
    return {name: said for name, said in one.items() if name not in ("key", "kind", "event")}

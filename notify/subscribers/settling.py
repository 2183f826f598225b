"""Decide whom each row of a file is about, and which rows contradict what is known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from notify.core import keyring
from notify.subscribers import addresses, homes
from notify.subscribers.identity import EMAIL, PHONE, Conflict, Couples, Key, Known, known, owner
from notify.subscribers.rows import Row

ERASED = (
    "This resident asked to be erased, or to get messages elsewhere. If the resident has signed up again since then,"
    " give the new consent_at and consent_how."
)
JOINED = (
    "This resident has signed up, or taken away a place or a topic, since then, and does not have this place. If the"
    " resident has asked for it later, give the new consent_at and consent_how."
)


@dataclass(slots=True)
class Settled:
    """A row and the resident that it is about; -n is the n-th new resident of the chunk."""

    row: Row
    keys: dict[str, Key]  # by column
    owner: int


def settle(
    s: Session,
    rows: Sequence[Row],
    couples: Couples,
    contacts: str = "contacts",
    new: int = 0,
    *,
    merge: bool = False,
) -> tuple[list[Settled], set[Key], set[Key], list[tuple[int, str]]]:
    """Decide whom each row is about. Return the rows, the addresses that exist already, those that become free for
    another resident, and (line, reason) of the rows that are refused.

    New residents are counted down from `new`.
    """
    keyring.hold(s)
    keyed = [(row, _keys(row)) for row in rows]
    given = {key for _, keys in keyed for key in keys.values()}
    alone = {key for _, keys in keyed if len(keys) == 1 for key in keys.values()}
    partners = couples.partners(alone)
    there = known(s, given.union(*partners.values()), contacts)
    had = set(there.owner)
    settled: list[Settled] = []
    refused: list[tuple[int, str]] = []
    older = _older(s, keyed, there)
    for row, keys in keyed:
        if not older.get(row.line, True):
            refused.append((row.line, JOINED))
            continue
        there.free(keys.values(), row.agreed_at)
        try:
            resident = owner(keys.values(), partners.get(next(iter(keys.values())), ()), there, couples, merge)
        except Conflict as conflict:
            refused.append((row.line, str(conflict)))
            continue
        if resident in there.erased:
            refused.append((row.line, ERASED))
            continue
        if resident is None:
            new -= 1
            resident = new
        there.give(resident, keys.values())
        settled.append(Settled(replace(row, topics=()) if row.line in older else row, keys, resident))
    return settled, had - there.freed, there.freed, refused


def _older(s: Session, keyed: Sequence[tuple[Row, dict[str, Key]]], there: Known) -> dict[int, bool]:
    """Return the lines older than the day on which a resident joined, or took away a topic or a place; and whether each
    has one of the resident's places, or none at all. The others may be about somebody who had the phone or email
    before."""
    older = [
        (there.owner[key], row)
        for row, keys in keyed
        for key in keys.values()
        if key in there.joined and (row.agreed_at is None or row.agreed_at < there.joined[key])
    ]
    at_home = homes.are_theirs(s, older)
    found = {row.line: True for _, row in older}
    for (_, row), is_theirs in zip(older, at_home, strict=True):
        found[row.line] &= is_theirs or not row.has_place
    return found


def _keys(row: Row) -> dict[str, Key]:
    keys = {}
    if row.phone:
        keys["phone"] = (PHONE, addresses.index(PHONE, row.phone))
    if row.email:
        keys["email"] = (EMAIL, addresses.index(EMAIL, row.email))
    return keys

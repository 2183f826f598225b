"""Verify the chain of hashes over the audit (`notify.core.audit_seals`)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core.audit_seals import COLUMNS, START, VERSION, hash_of
from notify.core.errors import Invalid
from notify.models import Operator

FETCHED = 5_000  # rows read at a time
MOST_FAULTS = 100  # listed; all are counted


@dataclass(frozen=True, slots=True)
class Fault:
    """`audit_id`: the row, or for `cut` the first row after the gap."""

    audit_id: int
    kind: Literal["changed", "missing", "inserted", "cut", "unknown"]
    words: str


@dataclass(slots=True)
class Verdict:
    """`unsealed`: rows newer than the newest seal. `head`: the hash of the newest seal; None if there is none.
    `noted_at`: the row whose seal has the hash that was noted elsewhere; None if none was given or none has it."""

    rows: int = 0
    sealed: int = 0
    unsealed: int = 0
    head: str | None = None
    through: int | None = None
    noted_at: int | None = None
    fault_count: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        return not self.fault_count

    def add(self, audit_id: int, kind: Any, words: str) -> None:
        self.fault_count += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(audit_id, kind, words))


def verify(s: Session, by: Operator | None, noted: str = "") -> Verdict:
    """Compare every row with its seal, and every seal with the one before. The session must see one moment.

    `noted`: the hash of an earlier head, which the chain must still contain. Raises Invalid for a malformed one,
    NotAllowed. Reads the whole audit, in constant memory.
    """
    operators.require_by(by, "audit")
    noted = noted.strip().lower()
    if noted and not re.fullmatch("[0-9a-f]{64}", noted):
        raise Invalid(f"{noted!r} is not a hash of the audit.", hint="It has 64 digits from 0 to 9 and a to f.")
    newest: int | None = s.scalar(text("SELECT max(audit_id) FROM audit_seals"))
    verdict, prev = Verdict(through=newest), START
    for audit_id, row, sealed in _pairs(s):
        verdict.rows += row is not None
        if sealed is None:
            if newest is None or audit_id > newest:
                verdict.unsealed += 1
            else:
                words = f"Row {audit_id} was inserted after the rows that follow it had been sealed."
                verdict.add(audit_id, "inserted", words)
            continue
        verdict.sealed += 1
        if sealed.prev_hash != prev:
            verdict.add(audit_id, "cut", f"The seal of row {audit_id} does not follow the seal before it.")
        _judge(verdict, audit_id, row, sealed)
        prev = sealed.hash
        if noted and prev.hex() == noted:
            verdict.noted_at = audit_id
    verdict.head = prev.hex() if newest is not None else None
    if noted and verdict.noted_at is None:
        verdict.add(newest or 0, "cut", f"No seal has the noted hash {noted}: the chain was rewritten or cut.")
    return verdict


def _judge(verdict: Verdict, audit_id: int, row: Any, sealed: Any) -> None:
    if row is None:
        verdict.add(audit_id, "missing", f"Row {audit_id} is missing.")
    elif sealed.version != VERSION:
        verdict.add(audit_id, "unknown", f"Row {audit_id} has a seal of the unknown version {sealed.version}.")
    elif hash_of(row, sealed.prev_hash, sealed.version) != sealed.hash:
        verdict.add(audit_id, "changed", f"Row {audit_id} or its seal was changed.")


def _pairs(s: Session) -> Iterator[tuple[int, Any, Any]]:
    """Yield (id, row or None, seal or None) in the order of ids."""
    streamed = {"yield_per": FETCHED}
    of_rows = text(f"SELECT {COLUMNS} FROM audit a ORDER BY a.id")  # noqa: S608  our own columns
    rows = iter(s.execute(of_rows, execution_options=streamed))
    seals = iter(s.execute(text("SELECT * FROM audit_seals ORDER BY audit_id"), execution_options=streamed))
    row, sealed = next(rows, None), next(seals, None)
    while row is not None or sealed is not None:
        if sealed is None or (row is not None and row.id < sealed.audit_id):
            assert row is not None  # noqa: S101
            yield row.id, row, None
            row = next(rows, None)
        elif row is None or sealed.audit_id < row.id:
            yield sealed.audit_id, None, sealed
            sealed = next(seals, None)
        else:
            yield row.id, row, sealed
            row, sealed = next(rows, None), next(seals, None)

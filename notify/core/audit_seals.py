"""Seal the audit: give each row a hash of its columns and of the hash before it, so that a later change is noticed.

Those who act only insert their audit row, as part of what they do, and wait for nobody. The leader of the schedulers
seals rows a moment later, in the order of their ids. ADR 0032 explains the order, and what the chain proves.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.core.db import take_lock
from notify.core.process import once

log = structlog.get_logger()

VERSION = 1  # of what is hashed: a new column of the audit needs a new version
START = bytes(32)  # the hash before the first row
AT_ONCE = 5_000  # rows sealed in one transaction
SEAL_LOCK = 7461  # advisory: one process seals at a time

# The columns as they are hashed. PostgreSQL writes them itself, so that no value, however odd, is rounded or refused.
COLUMNS = """
    a.id, to_jsonb(a.at AT TIME ZONE 'UTC') #>> '{}' || 'Z' AS at, a.operator_id, a.action, a.subject, a.subject_id,
    CAST(a.detail AS text) AS detail
"""


def hash_of(row: Any, prev_hash: bytes, version: int = VERSION) -> bytes:
    """Return the hash of a row of COLUMNS after the hash before it: SHA-256 of compact JSON in UTF-8, keys sorted."""
    record = {
        "action": row.action,
        "at": row.at,
        "detail": row.detail,
        "id": row.id,
        "operator_id": row.operator_id,
        "prev_hash": prev_hash.hex(),
        "subject": row.subject,
        "subject_id": row.subject_id,
        "version": version,
    }
    return hashlib.sha256(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """The newest seal. Note its hash elsewhere: from then on, not even the owner of the tables can rewrite the chain
    up to it unnoticed."""

    audit_id: int
    hash: bytes


def head(s: Session) -> Head | None:
    row = s.execute(text("SELECT audit_id, hash FROM audit_seals ORDER BY audit_id DESC LIMIT 1")).first()
    return Head(row.audit_id, row.hash) if row else None


def seal(s: Session, through: int) -> int:
    """Seal the next rows, at most AT_ONCE, up to the id `through`, which `Settled` gives. Returns how many."""
    take_lock(s, SEAL_LOCK)
    newest = head(s)
    rows = s.execute(
        text(f"SELECT {COLUMNS} FROM audit a WHERE a.id > :last AND a.id <= :through ORDER BY a.id LIMIT :most"),  # noqa: S608
        {"last": newest.audit_id if newest else -(2**63), "through": through, "most": AT_ONCE},
    ).all()
    if not rows:
        return 0
    chain = [newest.hash if newest else START]
    for row in rows:
        chain.append(hash_of(row, chain[-1]))
    ids = [row.id for row in rows]
    s.execute(
        text("""INSERT INTO audit_seals (audit_id, version, prev_hash, hash)
                SELECT x.id, :version, x.prev_hash, x.hash
                  FROM unnest(CAST(:ids AS bigint[]), CAST(:prev AS bytea[]), CAST(:hashes AS bytea[]))
                       AS x (id, prev_hash, hash)"""),
        {"version": VERSION, "ids": ids, "prev": chain[:-1], "hashes": chain[1:]},
    )
    log.info("audit.sealed", rows=len(rows), through=ids[-1], head=chain[-1].hex())
    return len(rows)


class Settled:
    """Finds the id up to which no more rows can appear.

    A transaction takes the id of its row before it commits, so a smaller id may appear after a larger one. It also
    locks the table before it takes the id, and keeps the lock until it has ended. Once all transactions that held that
    lock when the id `n` was seen have ended, every row up to `n` is there or will never be. Transactions that have
    not written to the audit are not waited for, and the one that seals locks nothing.
    """

    def __init__(self) -> None:
        self._asked: tuple[int, frozenset[str]] | None = None  # the newest id then, and who could still add below it

    def through(self, s: Session) -> int | None:
        """Return that id; None if nothing new is settled yet. The session must not have written to the audit."""
        newest, sealed = s.execute(
            text("SELECT (SELECT max(id) FROM audit), (SELECT max(audit_id) FROM audit_seals)")
        ).one()
        if newest is None or (sealed is not None and newest <= sealed):
            self._asked = None
            return None
        writing = frozenset(s.scalars(text(_WRITING)))  # in this order: who took an id up to `newest` is in it or ended
        if self._asked is None or self._asked[0] > newest:  # greater: an older backup was restored meanwhile
            self._asked = newest, writing
        asked, writers = self._asked
        if writers & writing:
            return None
        self._asked = newest, writing
        return int(asked if writing else newest)


_WRITING = """
    SELECT virtualtransaction FROM pg_locks
     WHERE locktype = 'relation' AND relation = 'audit'::regclass AND mode = 'RowExclusiveLock' AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@once
def settled() -> Settled:
    """The one of this process."""
    return Settled()

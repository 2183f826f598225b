"""The dry run of an import: count exactly what it would keep, without storing or locking anything.

The rows go into a temporary table of one connection, each chunk in a short transaction that only reads shared tables. A
large transaction that is rolled back would block sign-ups and a STOP for as long as the file takes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from notify.core import keyring
from notify.core.db import engine
from notify.subscribers.identity import EMAIL, PHONE, Couples
from notify.subscribers.rows import Row
from notify.subscribers.settling import settle
from notify.subscribers.storing import GIVEN, INCOMING, NEW_PLACES, SUPPRESSED, TO_ASK, Stored, copy


class Rehearsal:
    """The rows of a file, compared with what is stored."""

    def __init__(self, connection: Connection, couples: Couples, merge: bool) -> None:
        self._connection = connection
        self._couples = couples
        self._merge = merge
        self._new = 0
        with Session(connection) as s, s.begin():
            s.execute(text(f"CREATE TEMP TABLE incoming ({INCOMING})"))
            for column in ("phone_index", "email_index", "subscriber_id"):
                s.execute(text(f"CREATE INDEX ON incoming ({column})"))

    def keep(self, rows: Sequence[Row]) -> tuple[Stored, list[tuple[int, str]]]:
        """Take rows as `store` does, but count nothing; `total` returns the counts."""
        if not rows:
            return Stored(), []
        with Session(self._connection) as s, s.begin():
            keyring.hold(s)
            settled, had, _, refused = settle(s, rows, self._couples, _BESIDE, self._new, merge=self._merge)
            self._new = min([self._new, *(one.owner for one in settled)])
            copy(s, settled, had, lambda resident: resident)
            s.execute(text("ANALYZE incoming"))
        return Stored(), refused

    def total(self, *, ask: bool) -> Stored:
        """`ask`: the contacts without a consent would be asked for one."""
        questions = (*_QUESTIONS, GIVEN + TO_ASK) if ask else _QUESTIONS
        with Session(self._connection) as s, s.begin():
            return Stored(*(s.execute(text(question)).scalar_one() for question in questions))


@contextmanager
def rehearsal(couples: Couples, merge: bool) -> Iterator[Rehearsal]:
    with engine().connect() as connection:
        try:
            yield Rehearsal(connection, couples, merge)
        finally:
            connection.invalidate()  # drops the temporary table


# The stored contacts and those that would be added: an address is encrypted in the row that first has it.
_BESIDE = f"""(
    SELECT id, subscriber_id, channel, address_index, address_sealed FROM contacts WHERE subscriber_id IS NOT NULL
    UNION ALL
    SELECT NULL, subscriber_id, '{PHONE}', phone_index, phone_sealed FROM incoming WHERE phone_sealed IS NOT NULL
    UNION ALL
    SELECT NULL, subscriber_id, '{EMAIL}', email_index, email_sealed FROM incoming WHERE email_sealed IS NOT NULL)"""  # noqa: S608

# In the order of the fields of Stored; each counts what a statement in `storing` would insert.
_QUESTIONS = (
    "SELECT count(DISTINCT subscriber_id) FROM incoming WHERE is_new",
    GIVEN + "SELECT count(*) FROM given WHERE address_sealed IS NOT NULL",  # noqa: S608
    NEW_PLACES,
    """SELECT count(*) FROM (SELECT DISTINCT subscriber_id, CAST(unnest(string_to_array(topics, ' ')) AS topic) AS topic
                               FROM incoming) i
        WHERE NOT EXISTS (SELECT FROM preferences p WHERE (p.subscriber_id, p.topic) = (i.subscriber_id, i.topic))""",
    GIVEN  # noqa: S608
    + """
       SELECT count(*) FROM (SELECT DISTINCT channel, address_index, consent_at, consent_how
                               FROM given WHERE consent_at IS NOT NULL) g
        WHERE NOT EXISTS (SELECT FROM contacts c JOIN consents x ON x.contact_id = c.id
                           WHERE (c.channel, c.address_index) = (g.channel, g.address_index) AND x.kind = 'opt-in'
                             AND x.topic IS NULL AND (x.at, x.how) = (g.consent_at, g.consent_how))""",
    SUPPRESSED,
)  # fmt: skip

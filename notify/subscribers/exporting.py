"""Export all residents as a CSV that can be imported, and count them."""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Any, Literal, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import alarms, audit, crypto, points
from notify.core.errors import Unavailable
from notify.core.formulas import defused
from notify.models import Operator
from notify.subscribers import history
from notify.subscribers.csv_records import COLUMNS, MORE_COLUMNS
from notify.subscribers.homes import SEALED_ADDRESS
from notify.subscribers.identity import EMAIL, PHONE

AT_ONCE = 1_000  # residents fetched at a time
NO_CONSENT = ("", "", "")


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts. `contacts`: channel -> verified, unverified. `suppressed`: addresses with any suppression."""

    residents: int
    contacts: dict[str, dict[str, int]]
    places: int
    suppressed: int

    def as_rows(self) -> list[tuple[str, int]]:
        """Return pairs of a name and a number, for a table."""
        by_channel = [
            (f"{channel}, {kind}", number) for channel, kinds in self.contacts.items() for kind, number in kinds.items()
        ]
        return [("residents", self.residents), *by_channel, ("places", self.places), ("suppressed", self.suppressed)]


def count(s: Session) -> Counts:
    row = s.execute(
        text("""
            SELECT (SELECT count(*) FROM subscribers WHERE erased_at IS NULL),
                   (SELECT count(*) FROM places),
                   (SELECT count(*) FROM (SELECT DISTINCT channel, address_index FROM suppressions) AS x)""")
    ).one()
    contacts = s.execute(
        text("""
            SELECT channel, count(verified_at), count(*) - count(verified_at) FROM contacts
             WHERE subscriber_id IS NOT NULL AND address_sealed IS NOT NULL GROUP BY channel ORDER BY channel""")
    )
    by_channel = {channel: {"verified": yes, "unverified": no} for channel, yes, no in contacts}
    return Counts(residents=row[0], contacts=by_channel, places=row[1], suppressed=row[2])


def count_unowned(s: Session) -> int:
    """Return how many addresses have a suppression and no resident: an export cannot have them. Only their keyed hash
    is stored, which means nothing under another key."""
    found: int = s.execute(text(_UNOWNED)).scalar_one()
    return found


def note_export(s: Session, now: datetime, by: Operator | None = None) -> None:
    """Add the audit row of an export. Commit it first: somebody who stops reading early has read addresses too."""
    operators.require_by(by, "administer")
    audit.note(s, now=now, by=by, action="export", subject="subscribers", subject_id=0)


def sound_unreadable(s: Session, contacts: Sequence[int], places: Sequence[int], now: datetime) -> None:
    """Raise alarms about what an export left out. Both are ids of residents."""
    for kind, what, residents in (
        (alarms.UNREADABLE_ADDRESS, "Stored addresses", contacts),
        (alarms.UNREADABLE_PLACE, "Places", places),
    ):
        if residents:
            told = f"{what} of residents are damaged and were left out of an export ({alarms.some(residents)})"
            alarms.sound(s, kind, f"{told}. Enter them again.", now)


Unreadable = Callable[[Literal["contact", "place"], int], None]  # what is damaged, and the resident's id


def export_csv(s: Session, unreadable: Unreadable = lambda _what, _resident: None) -> Iterator[str]:
    """Return lines of CSV, one for each place of a resident, with addresses in clear text. Call `note_export` first.

    Nothing is lost: what COLUMNS cannot hold stands in MORE_COLUMNS, such as opt-outs with their times (`history`). In
    COLUMNS themselves a contact that opted out or is not verified is written without its consent, and a topic that one
    of a resident's contacts opted out of is left out, so that no other system that reads only them sends to them.
    Damaged contacts and places are left out and reported to `unreadable`. A cell that a spreadsheet would run as a
    formula gets an apostrophe, which the import removes. The lines are streamed: keep the transaction open while
    reading.
    """
    # The reader may be slow, such as a person with a pager.
    s.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    return _lines(s, unreadable)


def _lines(s: Session, unreadable: Unreadable) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(COLUMNS + MORE_COLUMNS)
    for resident in s.execute(text(_RESIDENTS), execution_options={"yield_per": AT_ONCE}):
        writer.writerows(map(defused, row) for row in _rows(resident, unreadable))
        yield line.getvalue()
        line.seek(0)
        line.truncate()
    if line.tell():  # there are no residents: write the header
        yield line.getvalue()


class _Contact(NamedTuple):
    channel: str
    address: str
    consent: tuple[str, str, str]  # when, how, words; empty without
    told: Mapping[str, Any]  # what `history` holds of it


def _rows(resident: Any, unreadable: Unreadable) -> Iterator[tuple[str, ...]]:
    """Yield rows with every contact, its consent, and every place; several rows if one cannot hold them."""
    contacts, places = [], []
    for channel, sealed, at, how, words, told in resident.contacts:
        try:
            address = crypto.unseal(bytes.fromhex(sealed), channel)
        except Unavailable:
            unreadable("contact", resident.id)
        else:
            contacts.append(_Contact(channel, address, (at, how, words) if how else NO_CONSENT, told))
    for place in resident.places:
        try:
            places.append(_place(resident.id, *place))
        except Unavailable:
            unreadable("place", resident.id)
    topics = (resident.language, " ".join(resident.topics))
    histories = {(one.channel, one.address): one.told for one in contacts}
    choices = history.written(resident.choices)
    for (phone, email, consent), place in _with_first(_pairs(contacts), places or [("", "", "", "", "")]):
        told = {
            column: histories.pop(key)
            for column, key in (("phone", (PHONE, phone)), ("email", (EMAIL, email)))
            if key in histories
        }
        *where, radius_m = place
        cells = (
            radius_m, " ".join(consent[2].split()), choices, history.written(told) if told else "",
            "" if resident.places else "yes",
        )  # fmt: skip
        yield (phone, email, *topics, *where, *consent[:2], *cells)
        choices = ""


def _pairs(contacts: Sequence[_Contact]) -> list[tuple[str, str, tuple[str, str, str]]]:
    """Return (phone, email, consent): first the pair that links all others, then what that pair does not cover."""
    if not any(one.channel in (PHONE, EMAIL) for one in contacts):
        return []
    phones: list[_Contact | None] = [one for one in contacts if one.channel == PHONE] or [None]
    emails: list[_Contact | None] = [one for one in contacts if one.channel == EMAIL] or [None]
    pairs = []
    for phone, email in [*product(phones, emails[:1]), *product(phones[:1], emails[1:])]:
        both = {one.consent for one in (phone, email) if one}
        same = both.pop() if len(both) == 1 else NO_CONSENT
        pairs.append((phone.address if phone else "", email.address if email else "", same))
    said = {(address, consent) for phone, email, consent in pairs for address in (phone, email)}
    for one in contacts:
        if one.channel in (PHONE, EMAIL) and one.consent != NO_CONSENT and (one.address, one.consent) not in said:
            alone = (one.address, "") if one.channel == PHONE else ("", one.address)
            pairs.append((*alone, one.consent))
    return pairs


def _with_first(pairs: Sequence[Any], places: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Combine the first pair with every place, and each other pair with the first place."""
    if not pairs:
        return []
    return [(pairs[0], place) for place in places] + [(pair, places[0]) for pair in pairs[1:]]


def _place(
    subscriber_id: int, label: str, point_sealed: str, address_sealed: str | None, radius_m: float
) -> tuple[str, str, str, str, str]:
    lon, lat = points.open_one(subscriber_id, bytes.fromhex(point_sealed))
    address = crypto.unseal(bytes.fromhex(address_sealed), SEALED_ADDRESS) if address_sealed else ""
    return repr(lon), repr(lat), address, label, f"{radius_m:g}"


_UNOWNED = """
    SELECT count(*) FROM (SELECT DISTINCT channel, address_index FROM suppressions) x
     WHERE NOT EXISTS (SELECT FROM contacts c JOIN subscribers r ON r.id = c.subscriber_id
                        WHERE (c.channel, c.address_index) = (x.channel, x.address_index)
                          AND c.address_sealed IS NOT NULL AND r.erased_at IS NULL)
"""
# The consent is the latest one since 2000 (`rows.EARLIEST_CONSENT`). It counts only while the contact is verified and
# has not opted out of everything.
_RESIDENTS = """
    SELECT r.id, r.language,
           array(SELECT p.topic::text FROM preferences p
                  WHERE p.subscriber_id = r.id
                    AND NOT EXISTS (SELECT FROM contacts c JOIN suppressions s USING (channel, address_index)
                                     WHERE c.subscriber_id = r.id AND c.address_sealed IS NOT NULL
                                       AND s.topic = p.topic)
                  ORDER BY p.topic) AS topics,
           jsonb_build_object(
               'since', r.created_at, 'timezone', w.timezone, 'most_a_day', w.most_a_day,
               'digest', w.digest, 'muted_until', w.muted_until,
               'quiet', CASE WHEN w.quiet_from IS NOT NULL THEN jsonb_build_array(w.quiet_from, w.quiet_to) END,
               'topics', coalesce((SELECT jsonb_object_agg(p.topic, p.muted_until) FROM preferences p
                                    WHERE p.subscriber_id = r.id), '{}')) AS choices,
           coalesce((SELECT jsonb_agg(jsonb_build_array(p.label, encode(p.point_sealed, 'hex'),
                                                        encode(p.address_sealed, 'hex'), p.radius_m) ORDER BY p.id)
                       FROM places p WHERE p.subscriber_id = r.id), '[]') AS places,
           coalesce((SELECT jsonb_agg(jsonb_build_array(c.channel, encode(c.address_sealed, 'hex'), x.at, x.how,
                                                        x.words, h.told) ORDER BY c.id)
                       FROM contacts c
                       LEFT JOIN LATERAL (
                            SELECT to_char(o.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, o.how,
                                   o.words
                              FROM consents o
                             WHERE o.contact_id = c.id AND o.kind = 'opt-in' AND o.topic IS NULL
                               AND c.verified_at IS NOT NULL AND o.at >= '2000-01-01'
                               AND NOT EXISTS (SELECT FROM suppressions s
                                                WHERE s.channel = c.channel AND s.address_index = c.address_index
                                                  AND s.topic IS NULL)
                             ORDER BY o.at DESC, o.id DESC LIMIT 1) x ON true
                       CROSS JOIN LATERAL (SELECT jsonb_build_object(
                            'verified_at', c.verified_at, 'dead_at', c.dead_at,
                            'asked_at', c.asked_at, 'entered_at', c.entered_at, 'lowest_severity', c.lowest_severity,
                            'consents', coalesce((
                                SELECT jsonb_agg(jsonb_build_array(o.kind, o.topic, o.at, o.how, o.words) ORDER BY o.id)
                                  FROM consents o
                                 WHERE o.contact_id = c.id AND (o.kind <> 'opt-in' OR o.at >= '2000-01-01')), '[]'),
                            'suppressions', coalesce((
                                SELECT jsonb_agg(jsonb_build_array(s.topic, s.reason, s.at) ORDER BY s.id)
                                  FROM suppressions s
                                 WHERE (s.channel, s.address_index) = (c.channel, c.address_index)), '[]'),
                            'ledger', coalesce((
                                SELECT jsonb_agg(jsonb_build_array(l.at, l.act, l.topic, l.reason, l.how, l.evidence)
                                                 ORDER BY l.id)
                                  FROM address_ledger l
                                 WHERE (l.channel, l.address_index) = (c.channel, c.address_index)), '[]'),
                            'blocks', coalesce((
                                SELECT jsonb_agg(jsonb_build_array(x.provider, x.address, k.at, k.lifted_at, k.doubtful)
                                                 ORDER BY k.id)
                                  FROM carrier_blocks k JOIN senders x ON x.id = k.sender_id
                                 WHERE x.channel = c.channel AND k.address_index = c.address_index), '[]'),
                            'still_there', coalesce((
                                SELECT jsonb_agg(jsonb_build_array(k.asked_at, k.answer, k.answered_at) ORDER BY k.id)
                                  FROM address_checks k
                                 WHERE (k.subscriber_id, k.contact_id) = (r.id, c.id)), '[]')) AS told) h
                      WHERE c.subscriber_id = r.id AND c.address_sealed IS NOT NULL), '[]') AS contacts
      FROM subscribers r LEFT JOIN choices w ON w.subscriber_id = r.id
     WHERE r.erased_at IS NULL ORDER BY r.id
"""

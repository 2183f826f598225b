"""An operator's own phone and email. Each is verified by a code that is sent to it; until then nothing else is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.accounts import letters
from notify.channels.channel import CHANNELS, of_residents
from notify.core import audit, crypto, keyring, one_time_codes
from notify.core.errors import Invalid, Refused, Unavailable
from notify.core.translation import gettext as _
from notify.models import DirectMessage, Operator, OperatorContact

CODES_A_DAY = 10  # of an operator


@dataclass(frozen=True, slots=True)
class Own:
    """A contact as its owner sees it. `awaited`: a code was sent and can still be entered."""

    channel: str
    masked: str
    verified_at: datetime | None
    awaited: bool


def own(s: Session, by: Operator, now: datetime) -> Sequence[Own]:
    """Return the operator's contacts."""
    rows = s.scalars(
        select(OperatorContact).where(OperatorContact.operator_id == by.id).order_by(OperatorContact.channel.desc())
    )
    return [
        Own(
            row.channel,
            _masked(row),
            row.verified_at,
            row.code_ends_at is not None and row.code_ends_at > now and row.code_tries < one_time_codes.TRIES,
        )
        for row in rows
    ]


def add(s: Session, by: Operator, channel: str, address: str, now: datetime) -> None:
    """Keep a contact, in place of one on the same channel, and send a code to it.

    Raises Invalid for an address that is malformed; Refused when too many codes were sent.
    """
    if channel not in of_residents():
        raise Invalid(
            _("Unknown channel: %(channel)s.", channel=channel),
            hint=_("Channels: %(channels)s.", channels=", ".join(of_residents())),
        )
    try:
        kept = CHANNELS[channel].address.kept(address.strip())
    except ValueError as error:
        raise Invalid(
            _("This contact cannot be used: %(error)s", error=error), hint=_("Correct it and send it again.")
        ) from None
    s.execute(select(Operator.id).where(Operator.id == by.id).with_for_update(key_share=True))  # one code at a time
    if _sent(s, by, now) >= CODES_A_DAY:
        raise Refused(_("Too many codes were sent today."), hint=_("Try again tomorrow."))
    keyring.hold(s)
    values = {
        "address_sealed": crypto.seal(kept, channel), "verified_at": None, "code_hash": None,
        "code_ends_at": now + one_time_codes.LIVES, "code_tries": 0,
    }  # fmt: skip
    s.execute(
        insert(OperatorContact)
        .values(operator_id=by.id, channel=channel, created_at=now, **values)
        .on_conflict_do_update(index_elements=["operator_id", "channel"], set_=values)
    )
    letters.add(s, "code", by, channel, now)
    audit.note(s, now=now, by=by, action="add contact", subject="operator", subject_id=by.id, channel=channel)


def new_code(s: Session, operator_id: int, channel: str, now: datetime) -> str | None:
    """Make the code of a contact, at the moment in which it is sent: only its hash is stored. None if no code is
    awaited any more."""
    code = one_time_codes.new()
    made = s.execute(
        update(OperatorContact)
        .where(
            OperatorContact.operator_id == operator_id,
            OperatorContact.channel == channel,
            OperatorContact.verified_at.is_(None),
        )
        .values(
            code_hash=one_time_codes.hashed(_whose(operator_id, channel), code),
            code_ends_at=now + one_time_codes.LIVES,
            code_tries=0,
        )
        .returning(OperatorContact.id)
    )
    return code if made.first() else None


def confirm(s: Session, by: Operator, channel: str, code: str, now: datetime) -> None:
    """Verify a contact. Raises Refused for a wrong or old code, which the caller must commit: it counts."""
    row = s.scalar(
        select(OperatorContact)
        .where(OperatorContact.operator_id == by.id, OperatorContact.channel == channel)
        .with_for_update()
    )
    usable = row and row.code_ends_at is not None and row.code_ends_at > now and row.code_tries < one_time_codes.TRIES
    if row is None or not usable or row.code_hash is None:
        raise Refused(_("This code is no longer valid."), hint=_("Enter the contact again to get a new one."))
    if not one_time_codes.is_right(row.code_hash, _whose(by.id, channel), code):
        row.code_tries += 1
        raise Refused(_("This is not the code that was sent."), hint=_("Enter the six digits of the newest message."))
    row.verified_at, row.code_hash, row.code_ends_at = now, None, None
    audit.note(s, now=now, by=by, action="verify contact", subject="operator", subject_id=by.id, channel=channel)


def remove(s: Session, by: Operator, channel: str, now: datetime) -> None:
    """Forget a contact. Does nothing when it is already gone."""
    mine = (OperatorContact.operator_id == by.id, OperatorContact.channel == channel)
    if s.execute(delete(OperatorContact).where(*mine).returning(OperatorContact.id)).first():
        audit.note(s, now=now, by=by, action="remove contact", subject="operator", subject_id=by.id, channel=channel)


def _sent(s: Session, by: Operator, now: datetime) -> int:
    mine = (DirectMessage.operator_id == by.id, DirectMessage.kind == "code")
    newer = DirectMessage.made_at > now - timedelta(days=1)
    return s.scalar(select(func.count()).select_from(DirectMessage).where(*mine, newer)) or 0


def _whose(operator_id: int, channel: str) -> str:
    return f"{operator_id}.{channel}"


def _masked(row: OperatorContact) -> str:
    try:
        return CHANNELS[row.channel].address.masked(crypto.unseal(row.address_sealed, row.channel))
    except Unavailable:
        return "(cannot be read)"

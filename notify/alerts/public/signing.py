"""Sign what was launched, and keep the keys that sign.

Words and area of a launched alert never change (law 10), so it is signed soon after its launch by a timed job, and no
launch waits for a key. A retired key stays published, so that what it signed can still be checked.
"""

from datetime import UTC, datetime
from typing import Any

import psycopg
from sqlalchemy import exc, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.audience.wordings import GENERAL
from notify.core import alarms, audit, crypto, db, keyring, statements
from notify.core.settings import settings
from notify.models import Alert, Operator, SigningKey, Statement, StoredContent

PURPOSE = "signing"  # what the secret is sealed for
RENEWAL_LOCK = 7463
AT_ONCE = 100  # alerts of one transaction
EVER = datetime.min.replace(tzinfo=UTC)
_OPEN = """
    AND NOT EXISTS (SELECT FROM alarms r
                     WHERE r.alert_id = a.id AND r.kind = 'unreadable-row' AND r.resolved_at IS NULL)
"""
# Launched since `:since` and not signed, or signed by a key that is not trusted any more. Found by indexes, however
# many alerts there were.
UNSIGNED = f"""
    SELECT a.id, a.launched_at FROM alerts a
     WHERE a.launched_at >= :since AND NOT EXISTS (SELECT FROM statements t WHERE t.alert_id = a.id) {_OPEN}
    UNION ALL
    SELECT a.id, a.launched_at
      FROM signing_keys k JOIN statements t ON t.key_id = k.id JOIN alerts a ON a.id = t.alert_id
     WHERE k.revoked_at IS NOT NULL AND a.launched_at IS NOT NULL {_OPEN}
"""  # noqa: S608  the parts are constants of ours


def sign_launched(s: Session, now: datetime, since: datetime = EVER) -> int:
    """Sign alerts launched since a moment that have no statement, and all that have one of a revoked key; the newest
    first. Return how many.

    One that cannot be read or signed is set aside with an alarm, until that is resolved.
    """
    due = s.scalars(text(f"{UNSIGNED} ORDER BY launched_at DESC LIMIT :most"), {"since": since, "most": AT_ONCE}).all()
    if not due:
        return 0
    key = _current(s, now)
    secret = bytes.fromhex(crypto.unseal(key.secret_sealed, PURPOSE))
    return sum(_sign(s, alert_id, key, secret, now) for alert_id in due)


def _sign(s: Session, alert_id: int, key: SigningKey, secret: bytes, now: datetime) -> bool:
    try:
        with s.begin_nested():
            body = _body(s, alert_id)
            signed = {"key_id": key.id, "body": body, "signature": statements.sign(secret, body), "signed_at": now}
            add = insert(Statement).values(alert_id=alert_id, **signed)
            s.execute(add.on_conflict_do_update(index_elements=["alert_id"], set_=signed))
    except db.AWAY:
        raise
    except (exc.DBAPIError, psycopg.Error, ValueError, OverflowError) as error:
        told = f"Alert {alert_id} is not signed, because its row cannot be used: {db.reason(error)}."
        alarms.sound(s, alarms.UNREADABLE_ROW, told, now, alert_id=alert_id)
        return False
    return True


def renew(s: Session, by: Operator | None, now: datetime, *, revoke: bool = False) -> SigningKey:
    """Retire the key that signs and make another. `revoke`: the retired one may be in other hands, so nothing that it
    signed is trusted any more, and it is all signed anew."""
    operators.require_by(by, "administer")
    _alone(s)
    ended = {"retired_at": now, "secret_sealed": _sealed(s, "")} | ({"revoked_at": now} if revoke else {})
    before = s.scalars(
        update(SigningKey).where(SigningKey.retired_at.is_(None)).values(ended).returning(SigningKey.kid)
    ).all()
    made = _make(s, now)
    audit.note(
        s,
        now=now,
        by=by,
        action="revoke" if revoke else "rotate",
        subject="signing_key",
        subject_id=made.id,
        before=" ".join(before),
    )
    return made


def published(s: Session) -> list[statements.Key]:
    """Return all keys that ever signed, the newest first."""
    found = s.scalars(select(SigningKey).order_by(SigningKey.id.desc()))
    return [statements.Key(one.kid, one.public, one.made_at, one.retired_at, one.revoked_at) for one in found]


def document(s: Session, alert_id: int) -> dict[str, Any] | None:
    """Return an alert's signed statement; None before it was signed."""
    found = s.execute(
        select(Statement.body, SigningKey.kid, Statement.signature)
        .join(SigningKey, SigningKey.id == Statement.key_id)
        .where(Statement.alert_id == alert_id, SigningKey.revoked_at.is_(None))
    ).first()
    return None if found is None else statements.document(*found)


def _current(s: Session, now: datetime) -> SigningKey:
    newest = select(SigningKey).where(SigningKey.retired_at.is_(None))
    if (found := s.scalar(newest)) is not None:
        return found
    _alone(s)
    return s.scalar(newest) or _make(s, now)


def _make(s: Session, now: datetime) -> SigningKey:
    secret = statements.make_secret()
    public = statements.public_of(secret)
    made = SigningKey(
        kid=statements.thumbprint(public), public=public, secret_sealed=_sealed(s, secret.hex()), made_at=now
    )
    s.add(made)
    s.flush()
    return made


def _sealed(s: Session, secret: str) -> bytes:
    keyring.hold(s)
    return crypto.seal(secret, PURPOSE)


def _alone(s: Session) -> None:
    s.execute(select(func.pg_advisory_xact_lock(RENEWAL_LOCK)))


def _body(s: Session, alert_id: int) -> str:
    """Return the canonical statement of an alert."""
    by_wording: dict[int, dict[str, dict[str, Any]]] = {GENERAL: {}}
    stored = select(StoredContent).where(StoredContent.alert_id == alert_id).order_by(StoredContent.wording)
    for one in s.scalars(stored):
        said = {"subject": one.subject, "text": one.text} if one.subject else {"text": one.text}
        by_wording.setdefault(one.wording, {}).setdefault(one.channel, {})[one.language] = said
    words, *others = by_wording.values()
    return statements.canonical(_statement(s.get_one(Alert, alert_id), words, others))


def _statement(alert: Alert, words: dict[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
    """`others`: the words for who has places in some parts of the area. A statement without any is as it always was."""
    known = settings()
    return {
        "kind": statements.KIND,
        "city": known.city,
        "link": f"{known.public_url}/alerts/{alert.id}",
        "id": alert.id,
        "incident": alert.incident_id,
        "status": alert.status,
        "type": alert.msg_type,
        "event": alert.event,
        "severity": alert.severity,
        "urgency": alert.urgency,
        "certainty": alert.certainty,
        "area": alert.area_names or {known.languages[0]: alert.area_description},
        "area_sha256": alert.area_hash or "",
        "launched": _shown(alert.launched_at),
        "expires": _shown(alert.expires_at),
        "words": words,
        **({"wordings": others} if others else {}),
    }


def _shown(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds")

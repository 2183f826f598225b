"""Sign what was launched, and keep the keys that sign.

Words and area of a launched alert never change (law 10), so it is signed soon after its launch by a timed job, and no
launch waits for a key. A retired key stays published, so that what it signed can still be checked.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import audit, crypto, keyring, statements
from notify.core.settings import settings
from notify.models import Alert, Operator, SigningKey, Statement, StoredContent

PURPOSE = "signing"  # what the secret is sealed for
RENEWAL_LOCK = 7463
AT_ONCE = 100  # alerts of one transaction
UNSIGNED = """
    SELECT a.id FROM alerts a LEFT JOIN statements t ON t.alert_id = a.id LEFT JOIN signing_keys k ON k.id = t.key_id
     WHERE a.launched_at IS NOT NULL AND (t.alert_id IS NULL OR k.revoked_at IS NOT NULL)
"""


def sign_launched(s: Session, now: datetime) -> int:
    """Sign launched alerts that have no statement, or one of a revoked key; the newest first. Return how many."""
    due = s.scalars(text(f"{UNSIGNED} ORDER BY a.launched_at DESC LIMIT :most"), {"most": AT_ONCE}).all()
    if not due:
        return 0
    key = _current(s, now)
    secret = bytes.fromhex(crypto.unseal(key.secret_sealed, PURPOSE))
    rows = [
        {
            "alert_id": alert_id,
            "key_id": key.id,
            "body": body,
            "signature": statements.sign(secret, body),
            "signed_at": now,
        }
        for alert_id, body in _bodies(s, due)
    ]
    add = insert(Statement).values(rows)
    renewed = {name: add.excluded[name] for name in ("key_id", "body", "signature", "signed_at")}
    s.execute(add.on_conflict_do_update(index_elements=["alert_id"], set_=renewed))
    return len(rows)


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


def _bodies(s: Session, alerts: Sequence[int]) -> list[tuple[int, str]]:
    """Return the canonical statements of alerts."""
    words: dict[int, dict[str, dict[str, Any]]] = {}
    for one in s.scalars(select(StoredContent).where(StoredContent.alert_id.in_(alerts))):
        said = {"subject": one.subject, "text": one.text} if one.subject else {"text": one.text}
        words.setdefault(one.alert_id, {}).setdefault(one.channel, {})[one.language] = said
    found = s.scalars(select(Alert).where(Alert.id.in_(alerts)).order_by(Alert.id))
    return [(one.id, statements.canonical(_statement(one, words.get(one.id, {})))) for one in found]


def _statement(alert: Alert, words: dict[str, dict[str, Any]]) -> dict[str, Any]:
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
    }


def _shown(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds")

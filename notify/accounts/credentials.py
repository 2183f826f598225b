"""What an operator signs in with: a password and an authenticator app. `passwords` and `codes` check them.

Rows are locked in one order everywhere: passkeys, the operator, credentials, sessions, links and tries.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session

from notify.accounts import codes, devices, letters, links, sessions
from notify.core import audit, crypto, keyring
from notify.core.errors import Invalid, Refused
from notify.core.translation import gettext as _
from notify.models import Credential, Operator, Passkey, RecoveryCode


def of(s: Session, operator_id: int) -> Credential | None:
    return s.scalar(select(Credential).where(Credential.operator_id == operator_id))


def lock(s: Session, operator_id: int) -> Operator | None:
    """Lock the operator's passkeys and row, and return the operator; None for one who is disabled.

    A sign-in and the disabling or reset of the same operator so happen one after the other.
    """
    s.execute(select(Passkey.id).where(Passkey.operator_id == operator_id).order_by(Passkey.id).with_for_update()).all()
    enabled = select(Operator).where(Operator.id == operator_id, Operator.disabled_at.is_(None))
    return s.scalar(enabled.with_for_update(key_share=True).execution_options(populate_existing=True))


def join(
    s: Session, token: str, password_hash: str, code: str, secret: str, now: datetime
) -> tuple[Operator, Sequence[str]]:
    """Set password and app by a link, which is used up. Returns the operator and the recovery codes, which are not
    stored. Whatever there was before ends: password, app, codes, devices and sessions.

    Raises Invalid for a code that does not fit, and for a link that is used or too old.
    """
    step = _first_step(secret, code, now)
    operator = lock(s, links.find(s, token, "join", now).id)
    if operator is None:
        raise Invalid(_("This link is too old."), hint=links.HINTS["join"])
    keyring.hold(s)
    void(s, operator, now)
    s.add(
        Credential(
            operator_id=operator.id,
            password_hash=password_hash,
            password_at=now,
            secret_sealed=crypto.seal(secret, codes.PURPOSE),
            secret_at=now,
            last_step=step,
        )
    )
    s.flush()
    links.use(s, token, "join", now)
    audit.note(s, now=now, by=operator, action="join", subject="operator", subject_id=operator.id)
    letters.write(s, "app", operator, now)
    return operator, codes.new_recovery_codes(s, operator, now)


def void(s: Session, operator: Operator, now: datetime) -> int:
    """Delete all that an operator signs in with, and end the sessions. Returns how many were open."""
    s.execute(delete(Credential).where(Credential.operator_id == operator.id))
    s.execute(delete(RecoveryCode).where(RecoveryCode.operator_id == operator.id))
    s.execute(delete(Passkey).where(Passkey.operator_id == operator.id))
    devices.forget(s, operator.id)
    return sessions.end_all(s, operator.id, now)


def require(s: Session, operator: Operator) -> Credential:
    """What an operator signs in with, locked. Raises Refused for one of the training city, who has nothing."""
    kept = of(s, operator.id) if lock(s, operator.id) else None
    if kept is None:
        raise Refused(
            _("%(email)s has no password.", email=operator.email),
            hint=_("Accounts of the training city are entered by link only."),
        )
    return kept


def change_password(s: Session, operator: Operator, password_hash: str, now: datetime) -> None:
    """Replace the password. Raises Refused."""
    kept = require(s, operator)
    kept.password_hash, kept.password_at = password_hash, now
    s.flush()
    audit.note(s, now=now, by=operator, action="password", subject="operator", subject_id=operator.id)
    letters.write(s, "password", operator, now)


def replace_app(s: Session, operator: Operator, secret: str, code: str, now: datetime) -> None:
    """Replace the authenticator app by one that shows a code of this secret. Codes of the one before are void.

    Raises Invalid for a code that does not fit; Refused for an account without a password.
    """
    step = _first_step(secret, code, now)
    kept = require(s, operator)
    keyring.hold(s)
    kept.secret_sealed, kept.secret_at, kept.last_step = crypto.seal(secret, codes.PURPOSE), now, step
    s.flush()
    audit.note(s, now=now, by=operator, action="app", subject="operator", subject_id=operator.id)
    letters.write(s, "app", operator, now)


def use_code(s: Session, kept: Credential, code: str, now: datetime) -> bool:
    """Check the second factor and use it up, in the transaction that the operator is locked in. A code of the app, and
    any earlier one, works once; a recovery code once, which the audit records."""
    if codes.is_recovery_code(code):
        used = codes.use_recovery_code(s, kept.operator_id, code, now)
        if used:
            by, left = s.get_one(Operator, kept.operator_id), codes.recovery_codes_left(s, kept.operator_id)
            audit.note(s, now=now, by=by, action="recovery-code", subject="operator", subject_id=by.id, left=left)
            letters.write(s, "recovery-code", by, now, left=str(left))
        return used
    step = codes.step_of(crypto.unseal(kept.secret_sealed, codes.PURPOSE), code, now)
    if step is None:
        return False
    moved = s.execute(
        text("""UPDATE credentials SET last_step = :step
                 WHERE operator_id = :operator AND last_step < :step RETURNING id"""),
        {"step": step, "operator": kept.operator_id},
    )
    return moved.first() is not None


def keep_rehashed(s: Session, operator_id: int, old: str, new: str) -> None:
    """Replace a hash by one of the same password with today's parameters, unless the password was changed since."""
    s.execute(
        text("""UPDATE credentials SET password_hash = :new
                 WHERE operator_id = :operator AND password_hash = :old"""),
        {"operator": operator_id, "old": old, "new": new},
    )


def _first_step(secret: str, code: str, now: datetime) -> int:
    """Return the step of the first code of a new app. Raises Invalid for a code that does not fit."""
    step = codes.step_of(secret, code, now)
    if step is None:
        raise Invalid(
            _("The code does not fit."),
            hint=_("Give the six digits that the app shows now; it shows new ones every 30 seconds."),
        )
    return step

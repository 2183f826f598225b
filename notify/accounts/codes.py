"""The second factor: codes of an authenticator app (RFC 6238), and the recovery codes that replace it once."""

import base64
import re
import secrets
from collections.abc import Sequence
from datetime import datetime

import pyotp
from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from notify.core import crypto
from notify.core.settings import settings
from notify.models import Operator, RecoveryCode

PURPOSE = "totp"  # that secrets are sealed for
SECRET_BYTES = 20  # RFC 4226 section 4 recommends 160 bits
DRIFT = 1  # steps of 30 s that a phone's clock may be off, either way
RECOVERY_CODES = 10
RECOVERY_BYTES = 15  # 120 bits: from 112 on, SP 800-63B-4 section 3.1.2.2 lets a plain hash suffice
_RECOVERY = re.compile(r"[A-Z2-7]{24}")


def secret_for(occasion: str) -> str:
    """The secret that a page offers on one occasion, such as a sign-in link: the same however often it is loaded.

    It is derived from our key, so nothing is stored before it is confirmed by a code.
    """
    return base64.b32encode(crypto.keyed("totp-setup", occasion)[:SECRET_BYTES]).decode()


def uri(secret: str, email: str) -> str:
    """What the QR code says: https://github.com/google/google-authenticator/wiki/Key-Uri-Format."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=f"Tocsin {settings().city}".replace(":", " "))


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step that a code belongs to; None for a wrong code. Whether it was used is for the caller to check."""
    digits = re.sub(r"[\s-]", "", code)
    if not re.fullmatch(r"[0-9]{6}", digits):
        return None
    try:
        return pyotp.TOTP(secret).verify_and_get_timecode(digits, for_time=now, valid_window=DRIFT)
    except pyotp.exceptions.OTPVerificationError:
        return None


def is_recovery_code(code: str) -> bool:
    """Whether it has the form of a recovery code."""
    return _RECOVERY.fullmatch(_plain(code)) is not None


def new_recovery_codes(s: Session, operator: Operator, now: datetime) -> Sequence[str]:
    """Replace the operator's recovery codes and return the new ones, which are not stored."""
    s.execute(delete(RecoveryCode).where(RecoveryCode.operator_id == operator.id))
    codes = [base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    rows = [{"operator_id": operator.id, "code_hash": crypto.hash_key(code), "made_at": now} for code in codes]
    s.execute(insert(RecoveryCode), rows)
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes]


def use_recovery_code(s: Session, operator_id: int, code: str, now: datetime) -> bool:
    """Use up a recovery code; False if it is not one of the operator's, or was used before."""
    used = s.execute(
        text("""UPDATE recovery_codes SET used_at = :now
                 WHERE operator_id = :operator AND code_hash = :code AND used_at IS NULL RETURNING id"""),
        {"now": now, "operator": operator_id, "code": crypto.hash_key(_plain(code))},
    )
    return used.first() is not None


def recovery_codes_left(s: Session, operator_id: int) -> int:
    unused = select(RecoveryCode.id).where(RecoveryCode.operator_id == operator_id, RecoveryCode.used_at.is_(None))
    return len(s.execute(unused).all())


def _plain(code: str) -> str:
    return re.sub(r"[\s-]", "", code).upper()

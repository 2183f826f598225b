"""Passkeys (WebAuthn Level 3): a factor that cannot be phished and needs no password, because the device itself asks
for a fingerprint, a face or a PIN (user verification, which we require).

A passkey belongs to the host name of TOCSIN_PUBLIC_URL: another name voids all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session
from webauthn.helpers import parse_authentication_credential_json, parse_client_data_json
from webauthn.helpers import parse_registration_credential_json as parse_registration
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from notify.accounts import credentials, letters
from notify.accounts.signing_in import NotProven
from notify.core import audit, crypto
from notify.core.characters import visible
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Operator, Passkey

CHALLENGE_LIFE = timedelta(minutes=5)
MOST = 20  # of one operator
SIGN_IN = 0  # instead of a session, in the challenge of somebody who signs in


@dataclass(frozen=True, slots=True)
class Site:
    """What a passkey is bound to, from the settings and never from the request."""

    rp_id: str
    origin: str


def site() -> Site | None:
    """None where there can be no passkeys: they need a host name, and HTTPS except on localhost."""
    url = urlsplit(settings().public_url)
    host = url.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        is_secure = url.scheme == "https" or host == "localhost"
        return Site(host, f"{url.scheme}://{url.netloc}") if host and is_secure else None
    return None


def of(s: Session, operator_id: int) -> Sequence[Passkey]:
    return s.scalars(select(Passkey).where(Passkey.operator_id == operator_id).order_by(Passkey.id)).all()


def registration_options(s: Session, operator: Operator, session_id: int, now: datetime) -> str:
    """What the browser needs to make a passkey, as JSON. Raises Refused."""
    here = _required()
    credentials.require(s, operator)
    there = of(s, operator.id)
    if len(there) >= MOST:
        raise Refused(_("You have %(count)s passkeys.", count=len(there)), hint=_("Remove one that you no longer use."))
    options = webauthn.generate_registration_options(
        rp_id=here.rp_id,
        rp_name=f"Tocsin {settings().city}",
        user_name=operator.email,
        user_id=crypto.keyed("passkey-user", str(operator.id)),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=bytes(one.credential_id)) for one in there],
    )
    _keep(s, options.challenge, session_id, now)
    return webauthn.options_to_json(options)


def register(s: Session, operator: Operator, session_id: int, answer: str, name: str, now: datetime) -> Passkey:
    """Keep the passkey that the browser made. Raises Invalid, and Refused for an account without a password."""
    here = _required()
    credentials.require(s, operator)
    try:
        challenge = _challenge(parse_registration(answer).response.client_data_json)
        made = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=_taken(s, challenge, session_id, now),
            expected_rp_id=here.rp_id,
            expected_origin=here.origin,
            require_user_verification=True,
        )
    except Exception as error:  # whatever the library raises for bytes of a stranger
        raise Invalid(_("This passkey could not be kept."), hint=_("Start again; you have five minutes.")) from error
    if s.scalar(select(Passkey.id).where(Passkey.credential_id == made.credential_id)) is not None:
        raise Invalid(_("This passkey is here already."))
    passkey = Passkey(
        operator_id=operator.id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        backed_up=made.credential_backed_up,
        name=visible(name)[:60] or "Passkey",
        made_at=now,
    )
    s.add(passkey)
    s.flush()
    audit.note(s, now=now, by=operator, action="add", subject="passkey", subject_id=passkey.id)
    letters.write(s, "passkey", operator, now, name=passkey.name)
    return passkey


def request_options(s: Session, session_id: int, now: datetime, operator_id: int | None = None) -> str:
    """What the browser needs to use a passkey: any of this site, or one of an operator who proves who they are."""
    here = _required()
    theirs = of(s, operator_id) if operator_id is not None else ()
    options = webauthn.generate_authentication_options(
        rp_id=here.rp_id,
        allow_credentials=[PublicKeyCredentialDescriptor(id=bytes(one.credential_id)) for one in theirs],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    _keep(s, options.challenge, session_id, now)
    return webauthn.options_to_json(options)


def use(s: Session, answer: str, session_id: int, now: datetime, operator_id: int | None = None) -> Operator:
    """Check the answer of a passkey, whose challenge is used up, and return its operator, locked. Raises NotProven."""
    here = _required()
    try:
        given = parse_authentication_credential_json(answer)
        challenge = _taken(s, _challenge(given.response.client_data_json), session_id, now)
    except Exception as error:
        raise NotProven from error
    owner = s.scalar(select(Passkey.operator_id).where(Passkey.credential_id == given.raw_id))
    operator = credentials.lock(s, owner) if owner is not None and operator_id in (None, owner) else None
    kept = s.scalar(select(Passkey).where(Passkey.credential_id == given.raw_id)) if operator else None
    if operator is None or kept is None:
        raise NotProven
    try:
        proved = webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=here.rp_id,
            expected_origin=here.origin,
            credential_public_key=bytes(kept.public_key),
            credential_current_sign_count=kept.sign_count,
            require_user_verification=True,
        )
    except Exception as error:
        raise NotProven from error
    kept.sign_count, kept.used_at, kept.backed_up = proved.new_sign_count, now, proved.credential_backed_up
    s.flush()
    return operator


def remove(s: Session, operator: Operator, passkey_id: int, now: datetime) -> None:
    """Remove a passkey of an operator. Raises NotFound."""
    credentials.lock(s, operator.id)
    kept = s.scalar(select(Passkey).where(Passkey.id == passkey_id, Passkey.operator_id == operator.id))
    if kept is None:
        raise NotFound(_("There is no such passkey."))
    s.execute(delete(Passkey).where(Passkey.id == kept.id))
    audit.note(s, now=now, by=operator, action="remove", subject="passkey", subject_id=kept.id)


def forget_old(s: Session, now: datetime) -> None:
    s.execute(text("DELETE FROM passkey_challenges WHERE ends_at < :now"), {"now": now})


def _required() -> Site:
    here = site()
    if here is None:
        raise Refused(
            _("There are no passkeys at this address."),
            hint=_("They need a host name and HTTPS in TOCSIN_PUBLIC_URL (docs/accounts.md)."),
        )
    return here


def _keep(s: Session, challenge: bytes, session_id: int, now: datetime) -> None:
    s.execute(
        text("INSERT INTO passkey_challenges (challenge_hash, session_id, ends_at) VALUES (:hash, :session, :ends)"),
        {"hash": crypto.hash_key(challenge.hex()), "session": session_id, "ends": now + CHALLENGE_LIFE},
    )


def _taken(s: Session, challenge: bytes, session_id: int, now: datetime) -> bytes:
    """Use a challenge up, which only one answer can. Raises NotProven for one that we did not make for this session."""
    gone = s.execute(
        text("""DELETE FROM passkey_challenges
                 WHERE challenge_hash = :hash AND session_id = :session AND ends_at > :now RETURNING 1"""),
        {"hash": crypto.hash_key(challenge.hex()), "session": session_id, "now": now},
    )
    if gone.first() is None:
        raise NotProven
    return challenge


def _challenge(client_data: bytes) -> bytes:
    return parse_client_data_json(client_data).challenge

"""Check passwords and codes: of somebody who signs in, and again of somebody who is signed in."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from api.rates import client_address
from notify.accounts import passkeys, sessions, signing_in
from notify.accounts.tries import TooManyTries
from notify.core.db import transaction
from notify.core.errors import Refused, TocsinError, Unavailable

PASSWORD, CODE = "proof-password", "proof-code"
PASSKEY = "proof-passkey"
CONTINUES = "proof"  # the query of a form that is sent again, with a proof


class NeedsProof(Exception):
    """The operator of a session must prove again who they are. `problem`: what was wrong with the last proof."""

    def __init__(self, live: sessions.Live, problem: TocsinError | None = None) -> None:
        super().__init__()
        self.live = live
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Proof:
    """What an operator gave to prove who they are."""

    password: str
    code: str
    passkey: str = ""


async def proof_in_form(request: Request) -> Proof | None:
    """Read the proof from a form that is sent again with one (`console/proof.html`)."""
    if request.method != "POST" or CONTINUES not in request.query_params:
        return None
    form = await request.form()
    return Proof(str(form.get(PASSWORD, "")), str(form.get(CODE, "")), str(form.get(PASSKEY, ""))[:20_000])


def first(email: str, password: str, code: str, device: str, request: Request, now: datetime) -> str:
    """Check a sign-in and return the token of its session. Raises NotProven, TooManyTries, Unavailable."""
    with transaction() as s:
        given = signing_in.begin(s, email, device, client_address(request.scope), now)
    newer_hash = signing_in.compare(given, password)
    with transaction() as s:
        operator = signing_in.finish(s, given, code, newer_hash, now)
        return signing_in.admit(s, given, operator, device, request.headers.get("user-agent", ""), now)


def again(live: sessions.Live, proof: Proof, now: datetime) -> None:
    """Check the proof of somebody who is signed in, and record it. Raises NeedsProof with what is wrong.

    An operator of the training city, who has no password, only confirms.
    """
    if live.training:
        with transaction() as s:
            sessions.prove(s, live.id, now)
        return
    try:
        if proof.passkey:
            with transaction() as s:
                passkeys.use(s, proof.passkey, live.id, now, live.operator.id)
                sessions.prove(s, live.id, now)
            return
        with transaction() as s:
            given = signing_in.again(s, live.id, live.operator.id, now)
        newer_hash = signing_in.compare(given, proof.password)
        with transaction() as s:
            signing_in.finish(s, given, proof.code, newer_hash, now)
            signing_in.confirm(s, given, live.id, now)
    except (signing_in.NotProven, TooManyTries, Refused, Unavailable) as error:
        raise NeedsProof(live, error) from error

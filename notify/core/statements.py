"""Signed statements of what the city sent, as documents that anybody can check without the city.

A document has a `statement`, the id `key` of an Ed25519 key (RFC 8032) and a `signature` in base64url (RFC 4648 section
5). The signature is for the statement's canonical JSON: members sorted by name, no white space, UTF-8. Statements hold
only objects, arrays, texts and whole numbers, for which RFC 8785 gives the same bytes. Keys are published as a JSON Web
Key Set (RFC 7517, RFC 8037).
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from notify.core.errors import Invalid

KIND = "tocsin-alert-1"
_STRANGE = re.compile("[^A-Za-z0-9_-]")  # not in a key id: a forger may have put commands to a terminal there


class NotGenuine(Exception):
    """A document that the keys do not prove. Its text says why, as a sentence."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key and its history. `revoked_at`: since then nothing that it signed is trusted."""

    kid: str
    public: bytes
    made_at: datetime
    retired_at: datetime | None = None
    revoked_at: datetime | None = None


def canonical(statement: Mapping[str, Any]) -> str:
    return json.dumps(statement, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def thumbprint(public: bytes) -> str:
    """Return the id of a key: its JWK thumbprint (RFC 7638, RFC 8037 appendix A.3)."""
    members = canonical({"crv": "Ed25519", "kty": "OKP", "x": encoded(public)})
    return encoded(hashlib.sha256(members.encode()).digest())


def make_secret() -> bytes:
    """Return a new private key, 32 bytes."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_of(secret: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def sign(secret: bytes, body: str) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(secret).sign(body.encode())


def document(body: str, kid: str, signature: bytes) -> dict[str, Any]:
    return {"statement": json.loads(body), "key": kid, "signature": encoded(signature)}


def key_set(keys: list[Key]) -> dict[str, Any]:
    """Return the published form of keys, the newest first."""
    return {
        "keys": [
            {"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": key.kid, "x": encoded(key.public)}
            | {
                name: at.isoformat()
                for name, at in (("made", key.made_at), ("retired", key.retired_at), ("revoked", key.revoked_at))
                if at is not None
            }
            for key in keys
        ]
    }


def read_keys(found: Any) -> dict[str, Key]:
    """Read a key set, by key id. Raises Invalid when it is not one."""
    try:
        keys = [
            Key(
                str(one["kid"]),
                decoded(one["x"]),
                _moment(one["made"]),
                _time(one.get("retired")),
                _time(one.get("revoked")),
            )
            for one in found["keys"]
            if one["kty"] == "OKP" and one["crv"] == "Ed25519"
        ]
    except (TypeError, KeyError, ValueError, AttributeError):
        raise Invalid(
            "These are not the keys of a city.",
            hint="Save /.well-known/tocsin-keys.json of its site, and name that file.",
        ) from None
    return {key.kid: key for key in keys if key.kid == thumbprint(key.public)}


def check(found: Any, keys: Mapping[str, Key]) -> dict[str, Any]:
    """Return the statement of a document that the keys prove. Raises NotGenuine."""
    try:
        statement, kid, signature = dict(found["statement"]), str(found["key"]), decoded(found["signature"])
        body = canonical(statement).encode()
    except (TypeError, KeyError, ValueError, AttributeError, RecursionError):
        raise NotGenuine("This is not a signed statement of an alert.") from None
    key = keys.get(kid)
    if key is None:
        raise NotGenuine(f"It is signed with a key that is not the city's ({_STRANGE.sub('?', kid[:80])}).")
    if key.revoked_at is not None:
        raise NotGenuine("It is signed with a key that the city has revoked; get the statement again from its site.")
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, body)
    except (InvalidSignature, ValueError):
        raise NotGenuine("Its signature does not fit: it was changed after it was signed.") from None
    if statement.get("kind") != KIND:
        raise NotGenuine("It is signed, but no statement of an alert.")
    if key.retired_at is not None and _launched(statement) > key.retired_at:
        raise NotGenuine("It is signed with a key that had been retired before it was launched.")
    return statement


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Return the bytes of a base64url text. Raises ValueError."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, TypeError) as error:
        raise ValueError(str(error)) from None


def _launched(statement: Mapping[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(statement["launched"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise NotGenuine("It is signed, but does not say when it was launched.") from None


def _time(text: str | None) -> datetime | None:
    return _moment(text) if text else None


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found

"""Keys, sealed addresses, keyed indexes and signed tokens.

One master key (`TOCSIN_SECRET_KEY`) and one derived key per purpose (HKDF-SHA-256, RFC 5869), so that a token can
never be used as an index or the other way round.
"""

import base64
import binascii
import hashlib
import hmac
import os
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from notify.errors import Invalid, Unavailable
from notify.settings import settings

NONCE_BYTES = 12  # AES-GCM, NIST SP 800-38D section 8.2
TOKEN_MAC_BYTES = 16
SEALED_VERSION = b"\x01"  # first byte of everything sealed: tells the next key from this one


@cache
def _key(purpose: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tocsin/" + purpose.encode())
    return hkdf.derive(settings().require_secret_key())


@cache
def _aead() -> AESGCM:
    return AESGCM(_key("seal"))


def forget_keys() -> None:
    """Drop the derived keys, after the settings changed."""
    _key.cache_clear()
    _aead.cache_clear()


def seal(text: str, purpose: str) -> bytes:
    """Encrypt a phone number, an email or a street address. `purpose` is bound to it: a sealed phone number moved
    into another column does not open."""
    nonce = os.urandom(NONCE_BYTES)
    return SEALED_VERSION + nonce + _aead().encrypt(nonce, text.encode(), purpose.encode())


def unseal(sealed: bytes, purpose: str) -> str:
    """Raises Unavailable when the key is not the one that it was sealed with."""
    nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return _aead().decrypt(nonce, bytes(body), purpose.encode()).decode()
    except InvalidTag:
        raise Unavailable(
            "A stored address cannot be read with this key.",
            hint="TOCSIN_SECRET_KEY must be the one that the data was written with.",
        ) from None


def address_index(channel: str, address: str) -> bytes:
    """HMAC-SHA-256 of a normalised address: finds and suppresses it without storing it. 32 bytes."""
    return hmac.digest(_key("index"), f"{channel}:{address}".encode(), hashlib.sha256)


def sign_token(purpose: str, text: str) -> str:
    """A URL-safe token that carries `text` and proves that we made it for `purpose`."""
    payload = text.encode()
    return _b64(payload + _mac(purpose, payload))


def read_token(purpose: str, token: str) -> str:
    """The text of a token. Raises Invalid when it was not made here for this purpose."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    payload, mac = raw[:-TOKEN_MAC_BYTES], raw[-TOKEN_MAC_BYTES:]
    if not payload or not hmac.compare_digest(mac, _mac(purpose, payload)):
        raise Invalid("This link is not complete.", hint="Copy the whole link from the message and try again.")
    return payload.decode()


def hash_key(secret: str) -> bytes:
    """How an API key is kept. Keys are 256 random bits, so a plain hash is enough (no dictionary to try)."""
    return hashlib.sha256(secret.encode()).digest()


def _mac(purpose: str, payload: bytes) -> bytes:
    return hmac.digest(_key(f"token/{purpose}"), payload, hashlib.sha256)[:TOKEN_MAC_BYTES]


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

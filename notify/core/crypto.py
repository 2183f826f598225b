"""Keys, sealed addresses, keyed indexes and signed tokens.

One master key (`TOCSIN_SECRET_KEY`) and one derived key per purpose (HKDF-SHA-256, RFC 5869), so that a token can
never be used as an index or the other way round. PostgreSQL records which master key is in force (`keyring`):
from the preparation of a rotation to its end, a process knows two.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from notify.core.errors import Invalid, Unavailable
from notify.core.settings import settings
from notify.core.translation import gettext as _

BLOCK_BYTES = 16  # AES, FIPS 197
NONCE_BYTES = 12  # AES-GCM, NIST SP 800-38D section 8.2
TOKEN_MAC_BYTES = 16
SEALED_VERSION = b"\x01"  # first byte of everything sealed: the format
# These keys are still needed after a rotation. An index is computed through all earlier keys, because the addresses of
# erased residents are gone and cannot be indexed again. Links in mail already sent must keep working (RFC 8058,
# 15 U.S.C. 7704(a)(3)). Events about mail already sent arrive for days, and must be recognized as ours. Codes and links
# to confirm that were just sent are good to their own end: they are compared with what the database keeps, so that a
# former key alone makes none. Tokens of open pages end: whoever has a former key could open anybody's page with them.
INDEX, UNSUBSCRIBE, PROOF, CODE, ENTERED = "index", "unsubscribe", "proof", "contact-code", "entered"
LASTING = (INDEX, f"token/{UNSUBSCRIBE}", PROOF, CODE, f"token/{ENTERED}")
PROOF_BYTES = 12

Older = tuple[Mapping[str, bytes], ...]  # the LASTING keys of earlier master keys, the oldest first


@dataclass(frozen=True, slots=True)
class Ring:
    """The master key that PostgreSQL says is in force, and the LASTING keys of earlier ones."""

    in_force: bytes
    older: Older = ()


_ring: Ring | None = None


def ring() -> Ring:
    """The ring last read from PostgreSQL; before any was read, the key of the settings."""
    return _ring or Ring(settings().require_secret_key())


def use(found: Ring) -> None:
    """Set the ring that this process uses from now on."""
    global _ring
    _ring = found


def forget_keys() -> None:
    """Drop the ring and all derived keys, after the settings changed."""
    global _ring
    _ring = None
    masters.cache_clear()
    _derived.cache_clear()
    _aead.cache_clear()
    _blocks.cache_clear()


@cache
def masters() -> tuple[bytes, ...]:
    """The master keys of the settings: the current one, and the previous one while it is set."""
    return settings().secret_keys()


def known() -> tuple[bytes, ...]:
    """The master keys of this process, the one in force first."""
    in_force = ring().in_force
    return (in_force, *(master for master in masters() if master != in_force))


def fingerprint(master: bytes) -> bytes:
    """Identify a master key without revealing it. 32 bytes."""
    return _derived(master, "fingerprint")


def lasting(master: bytes) -> Mapping[str, bytes]:
    """The derived keys that are kept, sealed, when this master key is replaced."""
    return {purpose: _derived(master, purpose) for purpose in LASTING}


@cache
def _derived(master: bytes, purpose: str) -> bytes:
    hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tocsin/" + purpose.encode())
    return hkdf.derive(master)


@cache
def _aead(master: bytes) -> AESGCM:
    return AESGCM(_derived(master, "seal"))


def seal(text: str, purpose: str, master: bytes | None = None) -> bytes:
    """Encrypt a phone number, an email or a street address with the key in force. `purpose` is bound to it: a sealed
    phone number moved into another column does not open."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = _aead(master or ring().in_force).encrypt(nonce, text.encode(), purpose.encode())
    return SEALED_VERSION + nonce + sealed


def unseal(sealed: bytes, purpose: str, master: bytes | None = None) -> str:
    """The sealed text. Raises Unavailable when neither `master`, nor without it any key of ours, opens it."""
    nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    for key in masters() if master is None else (master,):
        try:
            return _aead(key).decrypt(nonce, bytes(body), purpose.encode()).decode()
        except (InvalidTag, ValueError):  # another key, or damaged data, perhaps too short
            continue
    raise Unavailable(
        "A stored address cannot be read with this key.",
        hint="TOCSIN_SECRET_KEY must be the one that the data was written with.",
    )


@cache
def _blocks(master: bytes, purpose: str) -> Cipher[ECB]:
    return Cipher(AES(_derived(master, purpose)), ECB())  # noqa: S305  for this purpose: see `encipher`


def encipher(blocks: bytes, purpose: str, master: bytes) -> bytes:
    """Encrypt every block of 16 bytes by itself: AES-256 as a permutation, a million blocks in one call.

    This is ECB, which is wrong for messages: equal blocks stay equal, and nothing authenticates them. Use it only for
    blocks that are unique, or whose equality may be seen, and whose plaintext can be checked after `decipher`.
    """
    return _blocks(master, purpose).encryptor().update(blocks)


def decipher(blocks: bytes, purpose: str, master: bytes) -> bytes:
    """The inverse of `encipher`. A block of another key or purpose comes out as noise."""
    return _blocks(master, purpose).decryptor().update(blocks)


def address_index(channel: str, address: str) -> bytes:
    """HMAC-SHA-256 of an address, to find and suppress it without storing it. 32 bytes.

    `channels.channel.Channel.address_index` gives the form to pass. Before writing or looking
    up an index in a transaction, call `keyring.hold` there: the key must not change in between.
    """
    known = ring()
    found = f"{channel}:{address}".encode()
    for older in known.older:
        found = hmac.digest(older[INDEX], found, hashlib.sha256)
    return next_index(found, known.in_force)


def next_index(index: bytes, master: bytes) -> bytes:
    """Convert an index to the key that follows its own. The address is not needed."""
    return hmac.digest(_derived(master, INDEX), index, hashlib.sha256)


def sign_token(purpose: str, text: str) -> str:
    """A URL-safe token that carries `text` and proves that we made it for `purpose`."""
    payload = text.encode()
    return _b64(payload + _mac(_derived(ring().in_force, f"token/{purpose}"), payload))


def read_token(purpose: str, token: str) -> str:
    """The text of a token. Raises Invalid when it was not made here for this purpose."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    payload, mac = raw[:-TOKEN_MAC_BYTES], raw[-TOKEN_MAC_BYTES:]
    made = any(hmac.compare_digest(mac, _mac(key, payload)) for key in _lasting_keys(f"token/{purpose}"))
    if not payload or not made:
        raise Invalid(_("This link is not complete."), hint=_("Copy the whole link from the message and try again."))
    return payload.decode()


def proof(delivery_id: int, address: str) -> str:
    """A mark on an email that proves that an event about it is about our delivery to this address: others may share the
    provider's account. 24 hex digits, computed in a third of the time of an HMAC."""
    return _proof(_derived(ring().in_force, PROOF), delivery_id, address)


def is_proof(given: str, delivery_id: int, address: str) -> bool:
    """Whether `proof` made it here, under a current or an earlier key."""
    return any(
        hmac.compare_digest(given.encode(), _proof(key, delivery_id, address).encode()) for key in _lasting_keys(PROOF)
    )


def keyed(purpose: str, text: str) -> bytes:
    """HMAC-SHA-256 of a text under the key in force, for this purpose alone. 32 bytes."""
    return hmac.digest(_derived(ring().in_force, purpose), text.encode(), hashlib.sha256)


def is_keyed(stored: bytes, purpose: str, text: str) -> bool:
    """Whether `keyed` made this, under a current key or, for a purpose of LASTING, an earlier one."""
    made = (hmac.digest(key, text.encode(), hashlib.sha256) for key in _lasting_keys(purpose))
    same = [hmac.compare_digest(stored, one) for one in made]  # all of them, so that the time tells nothing
    return any(same)


def hash_key(secret: str) -> bytes:
    """The stored form of an API key, or of the token of a session or a link. They are 256 random bits, so a plain hash
    suffices: no dictionary helps."""
    return hashlib.sha256(secret.encode()).digest()


def _lasting_keys(purpose: str) -> Iterator[bytes]:
    for master in masters():
        yield _derived(master, purpose)
    for older in ring().older:
        if purpose in older:
            yield older[purpose]


def _proof(key: bytes, delivery_id: int, address: str) -> str:
    """Keyed BLAKE2b (RFC 7693, section 2.9)."""
    proven = f"{delivery_id}:{address.lower()}".encode()
    return hashlib.blake2b(proven, digest_size=PROOF_BYTES, key=key).hexdigest()


def _mac(key: bytes, payload: bytes) -> bytes:
    return hmac.digest(key, payload, hashlib.sha256)[:TOKEN_MAC_BYTES]


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

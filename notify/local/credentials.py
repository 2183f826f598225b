"""The secrets of a local stack: made once, and stored in its data folder, readable by its owner only."""

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from notify.core.errors import Invalid


@dataclass(frozen=True)
class Credentials:
    """The master key, and the secrets of the embedded servers and the simulated providers."""

    secret_key: str  # 64 hexadecimal digits; see secret_keys.py
    postgres_password: str  # of the role that owns the schema
    redis_password: str
    twilio_account_sid: str
    twilio_auth_token: str
    sendgrid_api_key: str
    sendgrid_private_key: str  # PEM; the simulator signs its event webhooks with it
    sendgrid_public_key: str  # base64 of the DER form, as SendGrid shows it
    mastodon_access_token: str
    # The data folder of an older version lacks these.
    postgres_app_password: str = ""  # of the role of all processes
    bluesky_app_password: str = ""
    next_secret_key: str = ""  # until `tocsin keys rotate` brings it into force
    other_secret_keys: list[str] = field(default_factory=list)  # no longer used

    def includes(self, text: str) -> bool:
        """Whether the text contains a secret that is in use."""
        return any(isinstance(secret, str) and secret and secret in text for secret in asdict(self).values())


def keep(data: Path) -> Credentials:
    """The secrets of this data folder, made now if it has none. Raises Invalid for a broken file."""
    path = data / "secrets.json"
    if path.exists():
        try:
            kept = Credentials(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise Invalid(
                f"{path} cannot be read.",
                hint="Restore it from a backup: without its key no address in this data folder can be read.",
            ) from error
        if kept.postgres_app_password and kept.bluesky_app_password:
            return kept
        made = replace(
            kept,
            postgres_app_password=kept.postgres_app_password or secrets.token_hex(24),
            bluesky_app_password=kept.bluesky_app_password or secrets.token_urlsafe(16),
        )
    else:
        made = _make()
    store(data, made)
    return made


def store(data: Path, secrets_: Credentials) -> None:
    write_private(data / "secrets.json", json.dumps(asdict(secrets_), indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Replace the whole file at once, readable by its owner only."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)  # otherwise a power cut may bring the old file back
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _make() -> Credentials:
    # Imported late: needed once per data folder, while every command imports this module.
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Credentials(
        secret_key=secrets.token_hex(32),
        postgres_password=secrets.token_hex(24),
        redis_password=secrets.token_hex(24),
        twilio_account_sid="AC" + secrets.token_hex(16),
        twilio_auth_token=secrets.token_hex(16),
        sendgrid_api_key="SG." + secrets.token_urlsafe(16) + "." + secrets.token_urlsafe(32),
        sendgrid_private_key=private.decode(),
        sendgrid_public_key=base64.b64encode(public).decode(),
        mastodon_access_token=secrets.token_urlsafe(32),
        postgres_app_password=secrets.token_hex(24),
        bluesky_app_password=secrets.token_urlsafe(16),
    )

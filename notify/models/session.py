"""How operators sign in to the console, and their sessions there. Of every secret only a hash is stored."""

from datetime import datetime
from typing import Literal

from sqlalchemy import ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id

How = Literal["password", "passkey", "training"]
Purpose = Literal["join", "training"]


class SignIn(Base):
    """A session. Its token is a cookie in the browser."""

    __tablename__ = "sessions"
    id: Mapped[Id]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    device: Mapped[str]  # as its browser describes itself
    how: Mapped[How] = mapped_column(Text)
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    proven_at: Mapped[datetime]  # when the operator last proved who they are
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # signed out, or ended from elsewhere
    exercise_since: Mapped[datetime | None]  # in exercise mode

    __table_args__ = (Index("sessions_of_operator", "operator_id"),)


class Credential(Base):
    """An operator's password and authenticator app."""

    __tablename__ = "credentials"
    id: Mapped[Id]
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"), unique=True)
    password_hash: Mapped[str]
    password_at: Mapped[datetime]
    secret_sealed: Mapped[bytes]
    secret_at: Mapped[datetime]
    last_step: Mapped[int]  # of the last code that was accepted


class RecoveryCode(Base):
    """A code that replaces the authenticator app once."""

    __tablename__ = "recovery_codes"
    id: Mapped[Id]
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    code_hash: Mapped[bytes] = mapped_column(unique=True)
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (Index("recovery_codes_of_operator", "operator_id"),)


class SignInLink(Base):
    """A link that works once. join: to choose a password and set up the app; training: to sign in."""

    __tablename__ = "sign_in_links"
    id: Mapped[Id]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    purpose: Mapped[Purpose] = mapped_column(Text)
    made_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (Index("sign_in_links_of_operator", "operator_id"),)


class KnownDevice(Base):
    """A browser in which this operator has signed in. Its tries are counted apart from those of strangers."""

    __tablename__ = "known_devices"
    id: Mapped[Id]
    token_hash: Mapped[bytes]
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    seen_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("token_hash", "operator_id"),
        Index("known_devices_of_operator", "operator_id"),
    )


class Passkey(Base):
    """A passkey: the public half of a key pair whose private half stays on the operator's device."""

    __tablename__ = "passkeys"
    id: Mapped[Id]
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"))
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int]
    backed_up: Mapped[bool]
    name: Mapped[str]
    made_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    __table_args__ = (Index("passkeys_of_operator", "operator_id"),)


class PasskeyChallenge(Base):
    """A challenge that one answer uses up, within five minutes."""

    __tablename__ = "passkey_challenges"
    challenge_hash: Mapped[bytes] = mapped_column(primary_key=True)
    session_id: Mapped[int]  # 0: to sign in
    ends_at: Mapped[datetime]


class SignInTries(Base):
    """How many sign-ins of late an account, a network address or a device tried (`accounts.tries`)."""

    __tablename__ = "sign_in_tries"
    kind: Mapped[str] = mapped_column(primary_key=True)
    who: Mapped[bytes] = mapped_column(primary_key=True)
    level: Mapped[float]
    at: Mapped[datetime]

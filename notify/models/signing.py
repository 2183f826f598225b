"""The keys that sign what the city sent, and what each has signed."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class SigningKey(Base):
    """An Ed25519 key (RFC 8032). The newest signs; `secret_sealed` of a retired one is an empty text.

    `kid`: its thumbprint (RFC 7638). `public`: 32 bytes. `revoked_at`: somebody else may have it, so nothing that it
    signed is trusted any more, and is signed anew.
    """

    __tablename__ = "signing_keys"
    id: Mapped[Id]
    kid: Mapped[str] = mapped_column(unique=True)
    public: Mapped[bytes]
    secret_sealed: Mapped[bytes]
    made_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        Index("one_signing_key", text("(true)"), unique=True, postgresql_where=text("retired_at IS NULL")),
    )


class Statement(Base):
    """What the city says about a launched alert. `body`: the canonical JSON that `signature` (64 bytes) is for."""

    __tablename__ = "statements"
    alert_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key_id: Mapped[int] = mapped_column(ForeignKey("signing_keys.id"))
    body: Mapped[str]
    signature: Mapped[bytes]
    signed_at: Mapped[datetime]

    __table_args__ = (Index("statements_signed", "signed_at"), Index("statements_of_key", "key_id"))

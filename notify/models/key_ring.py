"""The secret key that the database was written with, by its fingerprint."""

from datetime import datetime

from sqlalchemy import SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class KeyRing(Base):
    """One row. `next`: the fingerprint of a rotation's new key. `older`: the lasting keys of earlier master keys
    (`crypto.LASTING`), sealed with the one in force."""

    __tablename__ = "key_ring"
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False, server_default=text("1"))
    fingerprint: Mapped[bytes]
    next: Mapped[bytes | None]
    older: Mapped[bytes | None]
    since: Mapped[datetime]

"""The city's public addresses: the position of each house, and landmarks."""

from sqlalchemy import Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id


class AddressPoint(Base):
    """A house, or a unit of one; WGS 84. `source`: the import it came from; the next one of that name replaces it.

    123-125 has 123 as `number`, -125 as `suffix` and 125 as `number_to`; 1234A and 1234 1/2 have a `suffix` only.
    `street` is spelled as in the file.
    """

    __tablename__ = "address_points"
    id: Mapped[Id]
    source: Mapped[str]
    number: Mapped[int] = mapped_column(Integer)
    number_to: Mapped[int | None] = mapped_column(Integer)
    suffix: Mapped[str] = mapped_column(server_default="")
    street: Mapped[str]
    unit: Mapped[str] = mapped_column(server_default="")
    city: Mapped[str] = mapped_column(server_default="")
    zip: Mapped[str] = mapped_column(server_default="")
    lon: Mapped[float]
    lat: Mapped[float]

    __table_args__ = (
        Index("address_points_on_street", "street", "number"),
        Index("address_points_of_several", "street", "number", postgresql_where=text("number_to IS NOT NULL")),
    )


class Landmark(Base):
    """A place that people know by name; WGS 84."""

    __tablename__ = "landmarks"
    id: Mapped[Id]
    source: Mapped[str]
    name: Mapped[str]
    lon: Mapped[float]
    lat: Mapped[float]

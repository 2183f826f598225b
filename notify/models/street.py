"""The city's map: street segments, and shapes such as water, parks, boundaries and buildings."""

from typing import Literal

from sqlalchemy import CheckConstraint, Index, Integer, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base, Id

MapLayer = Literal["water", "park", "boundary", "building"]


class Street(Base):
    """One segment of a street, from crossing to crossing. `geometry`: WKB, WGS 84 lon/lat, a line.

    House numbers run from `from` to `to` on each side, left and right in the direction of the line; None: no houses.
    `source`: the import it came from; the next one of that name replaces it. `rank` on the map: 1 motorway, 2 main
    street, 3 street, 4 path. `west` to `north` are the line's bounding box.
    """

    __tablename__ = "streets"
    id: Mapped[Id]
    external_id: Mapped[str | None]
    name: Mapped[str]
    left_from: Mapped[int | None] = mapped_column(Integer)
    left_to: Mapped[int | None] = mapped_column(Integer)
    right_from: Mapped[int | None] = mapped_column(Integer)
    right_to: Mapped[int | None] = mapped_column(Integer)
    left_zip: Mapped[str] = mapped_column(server_default="")
    right_zip: Mapped[str] = mapped_column(server_default="")
    source: Mapped[str] = mapped_column(server_default="")
    rank: Mapped[int] = mapped_column(SmallInteger, server_default="3")
    geometry: Mapped[bytes]
    west: Mapped[float]
    south: Mapped[float]
    east: Mapped[float]
    north: Mapped[float]

    __table_args__ = (
        CheckConstraint("rank BETWEEN 1 AND 4"),
        Index("streets_external_id", "external_id"),
        Index("streets_name", text("upper(name)")),
        Index("streets_box", "west", "south", "east", "north"),
    )


class MapFeature(Base):
    """A shape that the map draws below the streets. `geometry`: WKB, WGS 84 lon/lat, of any type."""

    __tablename__ = "map_features"
    id: Mapped[Id]
    layer: Mapped[MapLayer] = mapped_column(Text)
    name: Mapped[str] = mapped_column(server_default="")
    geometry: Mapped[bytes]
    west: Mapped[float]
    south: Mapped[float]
    east: Mapped[float]
    north: Mapped[float]

    __table_args__ = (Index("map_features_box", "layer", "west", "south", "east", "north"),)

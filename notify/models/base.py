"""Common to all tables: the declarative base, column types, and the enums that are types in PostgreSQL."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Double, Enum, Identity, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column


class Base(DeclarativeBase):
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        str: Text,
        bytes: LargeBinary,
        int: BigInteger,
        float: Double,
        dict[str, Any]: JSONB,
    }


Id = Annotated[int, mapped_column(BigInteger, Identity(always=True), primary_key=True)]


class Lane(StrEnum):
    """The two priorities. An emergency never waits for routine messages."""

    EMERGENCY = "emergency"
    ROUTINE = "routine"


class Topic(StrEnum):
    """A subject that a resident can subscribe to."""

    OUTAGE = "outage"
    SNOW = "snow"
    STORM = "storm"
    COLLECTION = "collection"
    FLOOD = "flood"
    HEAT = "heat"
    WATER = "water"
    ROAD = "road"
    HEALTH = "health"
    EVACUATION = "evacuation"
    GENERAL = "general"


def pg_enum(words: type[StrEnum], name: str) -> Enum:
    """A PostgreSQL enum of the values, not of the Python names."""
    return Enum(words, name=name, values_callable=lambda kind: [word.value for word in kind], create_type=False)

"""A warning of another agency as it was published, whatever its format."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from notify.core.characters import visible
from zones import antimeridian, geometry
from zones.geometry import Area

LONGEST = {"line": 500, "text": 20_000}  # characters that are kept
WITHOUT_END = timedelta(hours=24)  # after it was sent, a message that names no end is taken for over
LONGEST_LIFE = timedelta(days=90)  # a later end is a mistake
AHEAD = timedelta(minutes=15)  # of our clock; what was sent later than that was not sent
MOST_CORNERS = 10_000  # of the area of one message
MOST_CORNERS_OF_INVALID = 200  # of a ring that crosses itself: to untangle 600 takes two seconds
MOST_REFERENCES = 500
LANGUAGE = "en-US"  # of a text that names none (CAP 1.2, section 3.2.2)
_LANGUAGE = re.compile("[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")
_YEARS = range(2000, 2100)  # a time outside of them is a mistake
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class UnreadableMessage(Exception):
    """One message cannot be read. Its text says which, and why.

    `about`: the identifiers of the messages that it may keep in force, its own and those that it refers to. None: not
    known.
    """

    def __init__(self, why: str, about: frozenset[str] | None = None) -> None:
        super().__init__(why)
        self.about = about


@dataclass(frozen=True, slots=True)
class Words:
    """The text of a message in one language (RFC 3066, such as en-US)."""

    language: str
    event: str
    headline: str
    description: str
    instruction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """In the vocabulary of CAP 1.2. `origin`: who sent it, of whom `sender` is the name for readers. `refers`: the keys
    of the messages that it replaces or cancels; nobody ends those of others.

    `ends_at`: with `end_given` false only our guess. `area`: None when only codes of places are given.
    """

    identifier: str
    origin: str
    sender: str
    sent: datetime
    status: str
    kind: str  # msgType
    refers: tuple[str, ...]
    severity: str
    urgency: str
    certainty: str
    ends_at: datetime
    end_given: bool
    place: str
    area: Area | None
    words: tuple[Words, ...]

    @property
    def key(self) -> str:
        return key(self.origin, self.identifier)


def key(origin: str, identifier: str) -> str:
    """What a message is known by: in a feed of many agencies an identifier alone is not its own."""
    return f"{origin},{identifier}"


def line(value: object) -> str:
    """Text in one line, cut to what is kept."""
    return " ".join(_kept(value).split())[: LONGEST["line"]]


def language(value: object) -> str:
    """A language as pages name it (RFC 5646); LANGUAGE for none, and for what is none."""
    words = line(value)
    return words if _LANGUAGE.fullmatch(words) else LANGUAGE


def paragraphs(value: object) -> str:
    """Text with its lines, each without the indentation of the document that it came in."""
    lines = (one.strip() for one in _kept(value).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()[: LONGEST["text"]]


def _kept(value: object) -> str:
    return visible(_CONTROLS.sub("", value.replace("\r\n", "\n"))) if isinstance(value, str) else ""


def moment(value: object, of: str) -> datetime | None:
    """A time in UTC; None for an empty one. Raises UnreadableMessage for one that cannot be read or has no offset."""
    words = line(value)
    if not words:
        return None
    try:
        at = datetime.fromisoformat(words)
        if at.tzinfo is not None and at.year in _YEARS:
            return at.astimezone(UTC)
    except ValueError:
        pass
    raise UnreadableMessage(f"its {of}, {words[:40]!r}, is not a time with an offset")


def time_sent(value: object) -> datetime:
    """When a message was sent, in UTC. Raises UnreadableMessage when it does not say so, or names the future."""
    at = moment(value, "time sent")
    if at is None:
        raise UnreadableMessage("it does not say when it was sent")
    if at > datetime.now(UTC) + AHEAD:
        raise UnreadableMessage(f"its time sent, {line(value)[:40]!r}, is still to come")
    return at


def one_area(parts: Sequence[BaseGeometry]) -> Area | None:
    """Unite the parts of an area. Raises ZoneError for one that cannot be used, UnreadableMessage for a huge one."""
    if not parts:
        return None
    if sum(shapely.get_num_coordinates(np.array(parts, dtype=object))) > MOST_CORNERS:
        raise UnreadableMessage(f"its area has more than {MOST_CORNERS} corners")
    clean = [_clean(part) for part in parts]
    return clean[0] if len(clean) == 1 else geometry.clean(geometry.union(clean))[0]


def _clean(part: BaseGeometry) -> Area:
    if not shapely.is_valid(part) and shapely.get_num_coordinates(part) > MOST_CORNERS_OF_INVALID:
        most = MOST_CORNERS_OF_INVALID
        raise UnreadableMessage(f"a part of its area crosses itself and has more than {most} corners")
    if not antimeridian.crosses(part):
        return geometry.clean(part)[0]
    return geometry.clean(antimeridian.cut(shapely.make_valid(antimeridian.followed(part))))[0]

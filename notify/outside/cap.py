"""Read messages in the Common Alerting Protocol (OASIS, CAP 1.2; 1.1 differs in nothing that is read here)."""

from collections.abc import Iterator
from math import isfinite
from xml.etree.ElementTree import Element

from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from notify.outside.messages import (
    LONGEST_LIFE,
    MOST_CORNERS,
    MOST_REFERENCES,
    WITHOUT_END,
    Message,
    UnreadableMessage,
    Words,
    key,
    language,
    line,
    moment,
    one_area,
    paragraphs,
    time_sent,
)
from notify.outside.xml import local
from zones import geometry
from zones.errors import ZoneError

NAMESPACES = ("urn:oasis:names:tc:emergency:cap:1.2", "urn:oasis:names:tc:emergency:cap:1.1")
ALERTS = frozenset(f"{{{one}}}alert" for one in NAMESPACES)
SEVERITIES = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
URGENCIES = ("Immediate", "Expected", "Future", "Past", "Unknown")
CERTAINTIES = ("Observed", "Likely", "Possible", "Unlikely", "Unknown")


def alerts_in(root: Element) -> Iterator[Element]:
    """The CAP messages in a document, which may be the document itself, or embedded in the entries of a feed."""
    return (one for one in root.iter() if one.tag in ALERTS)


def read(alert: Element) -> Message:
    """Read one message. Raises UnreadableMessage, which names it."""
    identifier = line(_text(alert, "identifier"))
    if not identifier:
        raise UnreadableMessage("a message without an identifier")
    try:
        return _read(alert, identifier)
    except (UnreadableMessage, ZoneError) as error:
        raise UnreadableMessage(f"{identifier}: {error}") from None


def _read(alert: Element, identifier: str) -> Message:
    sent, origin = time_sent(_text(alert, "sent")), line(_text(alert, "sender"))
    infos = _children(alert, "info")
    ends = [moment(_text(info, "expires"), "end") for info in infos]
    given = [at for at in ends if at is not None]
    areas = [area for info in infos for area in _children(info, "area")]
    return Message(
        identifier=identifier,
        origin=origin,
        sender=next(filter(None, (line(_text(info, "senderName")) for info in infos)), origin),
        sent=sent,
        status=line(_text(alert, "status")),
        kind=line(_text(alert, "msgType")),
        refers=references(_text(alert, "references"), origin),
        severity=worst(SEVERITIES, [_text(info, "severity") for info in infos]),
        urgency=worst(URGENCIES, [_text(info, "urgency") for info in infos]),
        certainty=worst(CERTAINTIES, [_text(info, "certainty") for info in infos]),
        ends_at=min(max(given, default=sent + WITHOUT_END), sent + LONGEST_LIFE),
        end_given=bool(given),
        place=line("; ".join(dict.fromkeys(filter(None, (line(_text(area, "areaDesc")) for area in areas))))),
        area=one_area([shape for area in areas for shape in _shapes(area)]),
        words=_words(infos),
    )


def references(value: str, origin: str) -> tuple[str, ...]:
    """The keys of the messages of this origin in `sender,identifier,sent sender,identifier,sent`."""
    triples = ([line(word) for word in one.split(",")] for one in value.split()[:MOST_REFERENCES])
    return tuple(dict.fromkeys(key(*one[:2]) for one in triples if len(one) == 3 and one[0] == origin))


def worst(order: tuple[str, ...], given: list[str]) -> str:
    """The first of an enumeration that is given; the last of it, Unknown, if none is."""
    return next((one for one in order if one in map(line, given)), order[-1])


def _words(infos: list[Element]) -> tuple[Words, ...]:
    """The text by language. Infos of one language, for several areas, are one text: each paragraph once."""
    languages: dict[str, list[Element]] = {}
    for info in infos:
        languages.setdefault(language(_text(info, "language")), []).append(info)
    return tuple(
        Words(
            spoken,
            line(_text(same[0], "event")),
            line(_text(same[0], "headline")),
            paragraphs("\n\n".join(dict.fromkeys(paragraphs(_text(info, "description")) for info in same))),
            paragraphs("\n\n".join(dict.fromkeys(paragraphs(_text(info, "instruction")) for info in same))),
        )
        for spoken, same in languages.items()
    )


def _shapes(area: Element) -> Iterator[BaseGeometry]:
    for polygon in _children(area, "polygon"):
        if pairs := (polygon.text or "").split():  # NWS has published empty ones
            if len(pairs) > MOST_CORNERS:
                raise UnreadableMessage(f"its area has more than {MOST_CORNERS} corners")
            corners = [_point(pair) for pair in pairs]
            if len(corners) < 4:
                raise UnreadableMessage("a polygon of its area has fewer than 4 corners")
            yield Polygon(corners)
    for circle in _children(area, "circle"):
        if words := (circle.text or "").split():
            (lon, lat), radius_km = _point(words[0]), _number(words[-1])
            if radius_km > 0:  # 0 is a point, which says where something happened, not who is warned
                yield geometry.circle(lon, lat, radius_km * 1000)


def _point(pair: str) -> tuple[float, float]:
    """Longitude and latitude of `latitude,longitude`."""
    lat, comma, lon = pair.partition(",")
    if not comma:
        raise UnreadableMessage(f"{pair[:40]!r} in its area is not latitude,longitude")
    return _number(lon), _number(lat)


def _number(words: str) -> float:
    try:
        number = float(words)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise UnreadableMessage(f"{words[:40]!r} in its area is not a number")
    return number


def _children(element: Element, name: str) -> list[Element]:
    return [child for child in element if local(child) == name]


def _text(element: Element, name: str) -> str:
    return next((child.text or "" for child in element if local(child) == name), "")

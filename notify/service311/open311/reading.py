"""Read what GeoReport v2 endpoints answer, which is not always what the specification says.

JSON or XML; a list, one object in its place, or either wrapped in its name; ids and codes as numbers or as strings;
fields that are empty, null or missing. What cannot be read is counted and keeps nothing else from being read.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from notify.outside.xml import UnreadableXml, local, parse

WRAPPERS = frozenset(
    {"services", "service", "service_requests", "requests", "service_request", "request", "errors", "error"}
)
MOST_CHARACTERS = 4_000  # of one field


class Unreadable(Exception):
    """An answer that is not of GeoReport's kind at all. Its text says why."""


@dataclass(frozen=True, slots=True)
class Service:
    """A kind of request that the city takes. `has_attributes`: it asks for more than a place and a description."""

    code: str
    name: str
    description: str
    group: str
    keywords: tuple[str, ...]
    has_attributes: bool
    answers: str  # "realtime": with an id, "batch": with a token for one, "blackbox": with neither


@dataclass(frozen=True, slots=True)
class Request:
    """A request that somebody made. Times have a zone; None is unknown. `updated_at` of a closed one: when that was."""

    id: str
    is_open: bool
    status: str  # as the city says it, in lower case
    notes: str
    service_code: str
    service: str
    description: str
    agency: str
    requested_at: datetime | None
    updated_at: datetime | None
    expected_at: datetime | None
    address: str
    at: tuple[float, float] | None  # longitude, latitude in WGS84


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of a request that was handed over: its id, or a token that its id is asked for by, or neither."""

    id: str
    token: str
    notice: str


def services(body: bytes) -> tuple[list[Service], int]:
    """Return the services, in the city's order, and how many could not be read. Raises Unreadable."""
    found = [_service(one) for one in _entries(body)]
    return [one for one in found if one], sum(not one for one in found)


def requests(body: bytes, zone: tzinfo) -> tuple[list[Request], int]:
    """Return the requests, in the endpoint's order, and how many could not be read. Raises Unreadable.

    `zone`: the city's, for times without one.
    """
    found = [_request(one, zone) for one in _entries(body)]
    return [one for one in found if one], sum(not one for one in found)


def filed(body: bytes) -> Filed:
    """Return the answer to a request that was handed over, or to a token. Raises Unreadable, also when it names neither
    and says nothing: then nobody knows what became of it."""
    for one in _entries(body):
        if isinstance(one, dict):
            found = Filed(_text(one, "service_request_id"), _text(one, "token"), _text(one, "service_notice"))
            if any((found.id, found.token, found.notice)):
                return found
    raise Unreadable("it names no request")


def refusal(body: bytes) -> str:
    """Return why an endpoint refuses, in its words; empty if it does not say."""
    try:
        entries = [one for one in _entries(body) if isinstance(one, dict)]
    except Unreadable:
        return ""
    return "; ".join(said for one in entries if (said := _text(one, "description") or _text(one, "code")))


def _service(entry: object) -> Service | None:
    if not isinstance(entry, dict) or not (code := _text(entry, "service_code")):
        return None
    words = _text(entry, "keywords").split(",")
    return Service(
        code,
        _text(entry, "service_name") or code,
        _text(entry, "description"),
        _text(entry, "group"),
        tuple(word for each in words if (word := each.strip())),
        _text(entry, "metadata").lower() in {"true", "1"},
        _text(entry, "type").lower() or "realtime",
    )


def _request(entry: object, zone: tzinfo) -> Request | None:
    if not isinstance(entry, dict) or not (request_id := _text(entry, "service_request_id")):
        return None
    status = _text(entry, "status").lower()
    return Request(
        request_id,
        status != "closed",  # a state of the city's own is no end
        status or "open",
        _text(entry, "status_notes"),
        _text(entry, "service_code"),
        _text(entry, "service_name") or _text(entry, "service_code"),
        _text(entry, "description"),
        _text(entry, "agency_responsible"),
        _time(entry, "requested_datetime", zone),
        _time(entry, "updated_datetime", zone),
        _time(entry, "expected_datetime", zone),
        _text(entry, "address"),
        _point(entry),
    )


def _entries(body: bytes) -> list[object]:
    """The objects of an answer, each a mapping of fields if it is as it should be."""
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return list(_of_xml(body))
    try:
        document = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Unreadable("it is neither JSON nor XML") from None
    return list(_unwrapped(document))


def _of_xml(body: bytes) -> Iterator[object]:
    try:
        root = parse(body)
    except UnreadableXml as error:
        raise Unreadable(str(error)) from None
    if local(root) not in WRAPPERS:
        raise Unreadable(f"its root is <{local(root)[:40]}>")
    for one in root:
        yield {local(field): field.text or "" for field in one}


def _unwrapped(document: object) -> Iterator[object]:
    """What converters of XML make of a list: an object around a list, or around its only element."""
    if isinstance(document, list):
        yield from document
    elif isinstance(document, dict):
        inner = [value for name, value in document.items() if name in WRAPPERS and isinstance(value, list | dict)]
        if inner:
            for value in inner:
                yield from _unwrapped(value)
        else:
            yield document
    else:
        raise Unreadable("it is neither a list nor an object")


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    if value is None or isinstance(value, dict | list):  # {} stands for an empty element
        return ""
    # JSON can hold halves of a letter and control characters, which neither a page nor PostgreSQL takes.
    shown = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in str(value)[:MOST_CHARACTERS])
    return shown.strip()


def _time(entry: dict[str, Any], name: str, zone: tzinfo) -> datetime | None:
    try:
        at = datetime.fromisoformat(_text(entry, name))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=zone)


def _point(entry: dict[str, Any]) -> tuple[float, float] | None:
    try:
        lon, lat = float(_text(entry, "long")), float(_text(entry, "lat"))
    except ValueError:
        return None
    known = math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90 and (lon, lat) != (0, 0)
    return (lon, lat) if known else None

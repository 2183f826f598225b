"""Read the active alerts of the US National Weather Service (api.weather.gov, GeoJSON)."""

import re
from collections.abc import Mapping
from typing import Any

from notify.outside import cap
from notify.outside.messages import (
    LONGEST_LIFE,
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
from zones import geometry
from zones.errors import ZoneError

_VTEC = re.compile(r"/([OTEX])\.([A-Z]{3})\.")  # k and aaa (NWS Directive 10-1703)
OVER = frozenset({"CAN", "EXP", "UPG"})  # cancelled, expired, replaced by another kind of warning


def read(feature: object) -> Message:
    """Read one feature. Raises UnreadableMessage, which names it."""
    about = feature.get("properties") if isinstance(feature, Mapping) else None
    identifier = line(about.get("id")) if isinstance(about, Mapping) else ""
    if not isinstance(feature, Mapping) or not isinstance(about, Mapping) or not identifier:
        raise UnreadableMessage("a feature without an id")
    try:
        return _read(feature, about, identifier)
    except (UnreadableMessage, ZoneError) as error:
        raise UnreadableMessage(f"{identifier}: {error}", _may_be_about(about, identifier)) from None


def _may_be_about(about: Mapping[str, Any], identifier: str) -> frozenset[str] | None:
    """The identifiers of what an unreadable message may keep in force. An update that names none may continue any."""
    named = [of.partition(",")[2] for of in _references(about, line(about.get("sender")))]
    if not named and line(about.get("messageType")) != "Alert":
        return None
    return frozenset({identifier, *named})


def _read(feature: Mapping[str, Any], about: Mapping[str, Any], identifier: str) -> Message:
    sent, origin = time_sent(about.get("sent")), line(about.get("sender"))
    vtec = [_VTEC.match(one) for one in _parameter(about, "VTEC")]
    end = _end(about)
    shape = feature.get("geometry")
    return Message(
        identifier=identifier,
        origin=origin,
        sender=line(about.get("senderName")) or origin,
        sent=sent,
        status="Test" if any(one and one[1] != "O" for one in vtec) else line(about.get("status")),
        # The type is at times "Alert" although the code says that the warning is over.
        kind="Cancel" if vtec and all(one and one[2] in OVER for one in vtec) else line(about.get("messageType")),
        refers=_references(about, origin),
        severity=cap.worst(cap.SEVERITIES, [about.get("severity") or ""]),
        urgency=cap.worst(cap.URGENCIES, [about.get("urgency") or ""]),
        certainty=cap.worst(cap.CERTAINTIES, [about.get("certainty") or ""]),
        ends_at=min(end or sent + WITHOUT_END, sent + LONGEST_LIFE),
        end_given=end is not None,
        place=line(about.get("areaDesc")),
        area=None if shape is None else one_area([geometry.parse_area({"type": "Feature", "geometry": shape})]),
        words=(
            Words(
                language(about.get("language")),
                line(about.get("event")),
                line(about.get("headline")),
                paragraphs(about.get("description")),
                paragraphs(about.get("instruction")),
            ),
        ),
    )


def _end(about: Mapping[str, Any]) -> Any:
    """When the danger ends; `expires` is only when the text is due for renewal, often hours before."""
    ends = moment(about.get("ends"), "end")
    if ends is None:
        ends = max(filter(None, (moment(one, "end") for one in _parameter(about, "eventEndingTime"))), default=None)
    return ends or moment(about.get("expires"), "end")


def _references(about: Mapping[str, Any], origin: str) -> tuple[str, ...]:
    """The keys of those of the same origin, which is everybody's whose own sender is not given."""
    given = about.get("references")
    named = [
        key(origin, line(one.get("identifier")))
        for one in (given if isinstance(given, list) else [])
        if isinstance(one, Mapping) and line(one.get("identifier")) and line(one.get("sender")) in {"", origin}
    ]
    dead = [one for words in _parameter(about, "expiredReferences") for one in cap.references(words, origin)]
    return tuple(dict.fromkeys([*named, *dead]))[:MOST_REFERENCES]


def _parameter(about: Mapping[str, Any], name: str) -> list[str]:
    parameters = about.get("parameters")
    values = parameters.get(name) if isinstance(parameters, Mapping) else None
    return [one for one in values if isinstance(one, str)] if isinstance(values, list) else []

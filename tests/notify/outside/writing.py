"""Documents of agencies, written for tests."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape

NS = "urn:oasis:names:tc:emergency:cap:1.2"
OPS, NWS = "ops@brook.example.gov", "w-nws.webmaster@noaa.gov"


def at(minutes: float = 0) -> str:
    """A time from now, as CAP writes it."""
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat(timespec="seconds")


def box(lon: float, lat: float, size: float = 0.5) -> str:
    """A square of CAP: latitude first. The corner given is the lower left one."""
    corners = ((0, 0), (0, size), (size, size), (size, 0), (0, 0))
    return " ".join(f"{lat + y},{lon + x}" for x, y in corners)


def info(
    event: str = "Flood Warning",
    language: str = "en-US",
    *,
    headline: str = "Brook Creek is rising",
    description: str = "Water reaches Mill Street at 6 PM.",
    instruction: str = "Go to higher ground.",
    minutes: float | None = 60,
    place: str = "Mill Street",
    area: str = "",
    severity: str = "Severe",
) -> str:
    """One info. `area`: elements for its area, such as a polygon."""
    ends = "" if minutes is None else f"<expires>{at(minutes)}</expires>"
    return (
        f"<info><language>{language}</language><category>Met</category><event>{escape(event)}</event>"
        f"<urgency>Immediate</urgency><severity>{severity}</severity><certainty>Observed</certainty>{ends}"
        f"<senderName>Brook County Emergency Management</senderName><headline>{escape(headline)}</headline>"
        f"<description>{escape(description)}</description>"
        f"<instruction>{escape(instruction)}</instruction><area><areaDesc>{escape(place)}</areaDesc>{area}</area></info>"
    )


def polygon(lon: float, lat: float, size: float = 0.5) -> str:
    return f"<polygon>{box(lon, lat, size)}</polygon>"


def cap(
    identifier: str = "brook-1",
    *infos: str,
    kind: str = "Alert",
    status: str = "Actual",
    sent: str = "",
    refers: Sequence[str] = (),
    sender: str = OPS,
) -> str:
    """`refers`: to messages of OPS."""
    references = " ".join(f"{OPS},{one},2026-01-01T00:00:00-00:00" for one in refers)
    return (
        f'<alert xmlns="{NS}"><identifier>{identifier}</identifier><sender>{sender}</sender>'
        f"<sent>{sent or at(-5)}</sent><status>{status}</status><msgType>{kind}</msgType><scope>Public</scope>"
        f"{f'<references>{references}</references>' if refers else ''}{''.join(infos or (info(),))}</alert>"
    )


def atom(*entries: str) -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Brook County</title>{"".join(entries)}</feed>'


def entry(address: str, updated: str = "2026-01-01T00:00:00Z", kind: str = "application/cap+xml") -> str:
    return f'<entry><updated>{updated}</updated><link href="{escape(address)}" type="{kind}"/></entry>'


def embedded(message: str) -> str:
    return f'<entry><updated>2026-01-01T00:00:00Z</updated><content type="text/xml">{message}</content></entry>'


def nws(*features: dict[str, Any]) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features})


def feature(identifier: str = "urn:oid:1", geometry: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A feature of api.weather.gov."""
    about = {
        "id": identifier, "areaDesc": "Riverside", "sent": at(-10), "expires": at(30), "ends": at(120),
        "status": "Actual", "messageType": "Alert", "severity": "Moderate", "urgency": "Expected",
        "certainty": "Likely", "event": "Wind Advisory", "sender": NWS, "senderName": "NWS Example", "references": [],
        "headline": "Wind Advisory until 9 PM", "description": "Gusts of 50 mph.", "instruction": "Tie things down.",
        "parameters": {},
    }  # fmt: skip
    return {"type": "Feature", "geometry": geometry, "properties": about | more}

"""JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/) and GeoJSON (RFC 7946)."""

from typing import Any

import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from api.feeds.entries import Entry, Feed
from notify.core.settings import settings

DECIMALS = 6  # of degrees, about 0.1 m; more would suggest an accuracy that no area has (RFC 7946 section 11.2)


def json_feed(feed: Feed) -> dict[str, Any]:
    return {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.page,
        "feed_url": feed.url("json"),
        "language": feed.language,
        "authors": [{"name": settings().city, "url": settings().public_url}],
        "items": [
            {
                "id": entry.url,
                "url": entry.url,
                "title": entry.shown.notice.heading,
                "summary": entry.shown.notice.area,
                "content_text": entry.text,
                "content_html": entry.html,
                "date_published": entry.shown.notice.launched_at.isoformat(timespec="seconds"),
                "date_modified": entry.updated_at.isoformat(timespec="seconds"),
                "language": entry.shown.notice.language,
                "tags": [entry.topic_name],
                "_tocsin": _facts(entry),
            }
            for entry in feed.entries
        ],
    }


def geojson(feed: Feed) -> dict[str, Any]:
    """Return the areas as features; one that cannot be read has no geometry (RFC 7946 section 3.2)."""
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": entry.shown.notice.id,
                "geometry": None if entry.area is None else _rounded(entry.area),
                "properties": {
                    "alert": entry.shown.notice.id,
                    "look": entry.look,
                    "url": entry.url,
                    "title": entry.shown.notice.heading,
                    "area": entry.shown.notice.area,
                    "language": entry.shown.notice.language,
                    "text": entry.text,
                    **_facts(entry),
                },
            }
            for entry in feed.entries
        ],
    }


def _facts(entry: Entry) -> dict[str, str]:
    notice = entry.shown.notice
    return {
        "status": entry.standing,
        "event": entry.event,
        "topic": entry.topic,
        "severity": entry.severity,
        "urgency": entry.urgency,
        "certainty": entry.certainty,
        "sent": notice.launched_at.isoformat(timespec="seconds"),
        "expires": notice.expires_at.isoformat(timespec="seconds"),
        "updated": entry.updated_at.isoformat(timespec="seconds"),
    }


def _rounded(area: BaseGeometry) -> dict[str, Any]:
    """Return a geometry with rounded coordinates, outer rings counter-clockwise (RFC 7946 section 3.1.6)."""
    snapped = shapely.set_precision(area, 10**-DECIMALS)
    polygons = [one for one in shapely.get_parts(snapped).tolist() if one.geom_type == "Polygon"]
    shape = snapped if polygons and snapped.geom_type in {"Polygon", "MultiPolygon"} else area
    found = mapping(shapely.orient_polygons(shape))
    return {"type": found["type"], "coordinates": _round(found["coordinates"])}


def _round(coordinates: Any) -> Any:
    if isinstance(coordinates, int | float):
        return round(float(coordinates), DECIMALS)
    return [_round(one) for one in coordinates]

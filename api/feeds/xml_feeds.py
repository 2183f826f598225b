"""Atom (RFC 4287) and RSS 2.0 (https://www.rssboard.org/rss-specification)."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree import ElementTree as ET

from api.feeds.entries import Entry, Feed
from notify.core.settings import settings

ATOM = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 section 2.2
ET.register_namespace("atom", ATOM)


def atom(feed: Feed) -> bytes:
    root = ET.Element("feed", {"xmlns": ATOM, "xml:lang": feed.language})
    _add(root, "id", f"{settings().public_url}/feeds/{feed.name}.atom")
    _add(root, "title", feed.title)
    _add(root, "updated", _rfc3339(feed.updated_at))
    _add(root, "link", rel="self", type="application/atom+xml", hreflang=feed.language, href=feed.url("atom"))
    _add(root, "link", rel="alternate", type="text/html", hreflang=feed.language, href=feed.page)
    _add(ET.SubElement(root, "author"), "name", settings().city)
    for entry in feed.entries:
        _atom_entry(ET.SubElement(root, "entry"), entry)
    return _document(root)


def _atom_entry(to: ET.Element, entry: Entry) -> None:
    notice = entry.shown.notice
    to.set("xml:lang", notice.language)
    _add(to, "id", entry.url)
    _add(to, "title", notice.heading)
    _add(to, "updated", _rfc3339(entry.updated_at))
    _add(to, "published", _rfc3339(notice.launched_at))
    _add(to, "link", rel="alternate", type="text/html", href=entry.url)
    _add(to, "category", term=entry.topic, label=entry.topic_name)
    _add(to, "summary", notice.area)
    _add(to, "content", entry.html, type="html")


def rss(feed: Feed) -> bytes:
    root = ET.Element("rss", {"version": "2.0"})
    channel = ET.SubElement(root, "channel")
    _add(channel, "title", feed.title)
    _add(channel, "link", feed.page)
    _add(channel, "description", feed.title)
    _add(channel, "language", feed.language)
    _add(channel, "lastBuildDate", _rfc822(feed.updated_at))
    _add(channel, "ttl", "1")
    _add(channel, f"{{{ATOM}}}link", rel="self", type="application/rss+xml", href=feed.url("rss"))
    for entry in feed.entries:
        notice = entry.shown.notice
        item = ET.SubElement(channel, "item")
        _add(item, "title", notice.heading)
        _add(item, "link", entry.url)
        _add(item, "guid", entry.url, isPermaLink="true")
        _add(item, "pubDate", _rfc822(notice.launched_at))
        _add(item, "category", entry.topic_name)
        _add(item, "description", entry.html)
    return _document(root)


def _add(to: ET.Element, name: str, words: str | None = None, **attributes: str) -> None:
    ET.SubElement(to, name, attributes).text = None if words is None else _NOT_XML.sub("", words)


def _document(root: ET.Element) -> bytes:
    found: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return found


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _rfc822(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC), usegmt=True)

"""Find the CAP messages that the entries of an Atom or RSS feed link to."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin
from xml.etree.ElementTree import Element

from notify.outside.cap import alerts_in
from notify.outside.messages import line
from notify.outside.xml import local

CAP_TYPES = ("application/cap+xml", "application/common-alerting-protocol+xml")


@dataclass(frozen=True, slots=True)
class Linked:
    """An entry whose message is at another address. `edition`: changes when the entry does."""

    address: str
    edition: str


def is_feed(root: Element) -> bool:
    return local(root) in ("feed", "rss", "RDF")


def linked(root: Element, base: str) -> list[Linked]:
    """The links of the entries that hold no message themselves, each address once. `base`: the feed's own address."""
    entries = (one for one in root.iter() if local(one) in ("entry", "item") and not any(alerts_in(one)))
    found = {}
    for entry in entries:
        if address := _link(entry):
            edition = next((line(one.text) for one in entry if local(one) in ("updated", "pubDate", "sent")), "")
            found[_absolute(base, address)] = edition
    return [Linked(address, edition) for address, edition in found.items()]


def _absolute(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        return address  # `fetching` says what is wrong with it


def _link(entry: Element) -> str:
    """The link that says that it is CAP; else the entry's own."""
    links = list(_links(entry))
    typed = [address for address, kind in links if kind.partition(";")[0].strip().lower() in CAP_TYPES]
    plain = [address for address, kind in links if not kind or "xml" in kind]
    return next(iter([*typed, *plain]), "")


def _links(entry: Element) -> Iterator[tuple[str, str]]:
    """Address and type of each link of an entry."""
    for one in entry:
        name, kind = local(one), one.get("type", "")
        if name == "link" and one.get("href") and one.get("rel", "alternate") in ("alternate", "related", "enclosure"):
            yield one.get("href", ""), kind
        elif name == "link" and line(one.text):
            yield line(one.text), kind
        elif name in ("content", "enclosure") and (one.get("src") or one.get("url")):
            yield one.get("src") or one.get("url") or "", kind

"""Take the messages out of a document. Its kind is told by its content, not by its address or media type."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from notify.outside import cap, entries, nws
from notify.outside.entries import Linked
from notify.outside.messages import Message, UnreadableMessage
from notify.outside.xml import UnreadableXml, local, parse

MOST_MESSAGES = 1000  # of one document
MOST_S = 10.0  # for the messages of one document
T = TypeVar("T")


class UnreadableDocument(Exception):
    """It is none of the kinds that we read. Its text says why."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a feed says. `complete`: what it does not list is not in force any more, except for `doubtful`: identifiers
    of messages that one which cannot be read may be about.

    `unreadable`: a sentence for each message that cannot be read.
    """

    messages: tuple[Message, ...]
    unreadable: tuple[str, ...]
    linked: tuple[Linked, ...] = ()
    complete: bool = False
    doubtful: frozenset[str] = frozenset()


def read(document: bytes, address: str) -> Document:
    """Read a document that came from this address. Raises UnreadableDocument."""
    text = document.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"{"):
        return _geojson(text)
    if not text.startswith(b"<"):
        raise UnreadableDocument("it is neither JSON nor XML")
    try:
        root = parse(text)
    except UnreadableXml as error:
        raise UnreadableDocument(str(error)) from None
    messages, errors = _each(cap.read, cap.alerts_in(root))
    unreadable = tuple(map(str, errors))
    if entries.is_feed(root):
        return Document(messages, unreadable, tuple(entries.linked(root, address)[:MOST_MESSAGES]))
    if not messages and not unreadable and local(root) != "alerts":  # IPAWS: the recent ones, perhaps none
        raise UnreadableDocument(f"it is XML, but neither CAP, Atom nor RSS: its root is {local(root)[:40]!r}")
    return Document(messages, unreadable)


def _geojson(text: bytes) -> Document:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableDocument("it begins like JSON, but cannot be read as such") from None
    features = document.get("features")
    if document.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise UnreadableDocument("it is JSON, but not the alerts of the National Weather Service")
    messages, errors = _each(nws.read, features)
    known = [error.about for error in errors if error.about is not None]
    return Document(
        messages,
        tuple(map(str, errors)),
        complete=len(known) == len(errors),
        doubtful=frozenset().union(*known),
    )


def _each(
    read_one: Callable[[T], Message], given: Iterable[T]
) -> tuple[tuple[Message, ...], tuple[UnreadableMessage, ...]]:
    """Read each one; those that cannot be read do not stop the others."""
    messages, errors, until_s = [], [], time.monotonic() + MOST_S
    for number, one in enumerate(given):
        if time.monotonic() > until_s:
            late = f"its messages take more than {MOST_S:.0f} seconds: those after them are not read"
            errors.append(UnreadableMessage(late))
            break
        if number == MOST_MESSAGES:
            many = f"there are more than {MOST_MESSAGES} messages: those after them are not read"
            errors.append(UnreadableMessage(many))
            break
        try:
            messages.append(read_one(one))
        except UnreadableMessage as error:
            errors.append(error)
    return tuple(messages), tuple(errors)

"""Posters that ask the residents of a zone to join: a keyword to text, a QR code to scan, in the city's languages."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import phonenumbers
import segno
from babel import Locale
from sqlalchemy.orm import Session

from notify.channels.channel import SMS
from notify.core import phones, typesetting
from notify.core.settings import Settings
from notify.core.texts import worded
from notify.delivery import senders
from notify.models import Zone
from templates import POSTER

Paper = Literal["us-letter", "a4"]
PAPERS: dict[str, Paper] = {"letter": "us-letter", "a4": "a4"}
TEMPLATE = POSTER / "poster.typ"
MOST_LANGUAGES = 2  # more would not be read from the other side of the street


@dataclass(frozen=True, slots=True)
class Poster:
    """`number`: the one that residents text to, as its country writes it; "" if the city sends no texts."""

    zone: str
    address: str
    number: str


def about(s: Session, zone: Zone, known: Settings) -> Poster:
    """Return what the poster of a zone says."""
    return Poster(zone.name, f"{known.public_url}/join?zone={zone.id}", texted_number(s))


def texted_number(s: Session) -> str:
    """Return the number of the first open sender of texts, as `texted_numbers`; "" without one."""
    return next(iter(texted_numbers(s)), "")


def texted_numbers(s: Session) -> Sequence[str]:
    """Return the numbers of the open senders of texts, such as (215) 555-0100; a short code as it is."""
    numbers = [one.address for one in senders.all_senders(s) if one.channel == SMS.name and one.status == "open"]
    return [phones.local_form(phonenumbers.parse(one)) if one.startswith("+") else one for one in numbers]


def pdf(poster: Poster, paper: Paper, known: Settings, now: datetime) -> bytes:
    """Return the poster as a tagged PDF of one page."""
    return typesetting.compiled(TEMPLATE, document(poster, paper, known), now)


def document(poster: Poster, paper: Paper, known: Settings) -> dict[str, Any]:
    """Return what the template shows, as texts."""
    languages = [_said(poster, language) for language in _languages(known)]
    return {
        "city": known.city,
        "program": known.program,
        "title": languages[0]["title"],
        "zone": poster.zone,
        "paper": paper,
        "qr": _drawn(poster.address),
        "languages": languages,
    }


def code(address: str) -> segno.QRCode:
    """Return the QR code. A quarter of it may be torn or dirty (level Q of ISO/IEC 18004)."""
    return segno.make(address, error="q", micro=False)


def _drawn(address: str) -> str:
    drawn = io.BytesIO()
    code(address).save(drawn, kind="svg", border=4, dark="#000", light="#fff")
    return drawn.getvalue().decode()


def _languages(known: Settings) -> Sequence[str]:
    """Return the city's languages that a poster has words in, English if there are none."""
    written = [one for one in known.languages if Path(POSTER / f"{one}.toml").is_file()]
    return written[:MOST_LANGUAGES] or ["en"]


def _said(poster: Poster, language: str) -> dict[str, Any]:
    parts = urlsplit(poster.address)
    shown = f"{parts.netloc}{parts.path}"  # as people type it
    given = {"zone": poster.zone, "number": poster.number.replace(" ", "\u00a0"), "address": shown}
    said = {name: words.format(**given) for name, words in worded(POSTER, language).items()}
    if not poster.number:
        said["text"] = ""
    return said | {"language": language, "rtl": Locale.parse(language).text_direction == "rtl"}

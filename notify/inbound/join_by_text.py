"""JOIN by text message: the address is asked for, or a ZIP code or the name of a zone; a choice is offered where it may
mean several places, and the number is signed up with the words that were shown. Who has no address, or wants none to be
known, joins for the whole city. The text itself proves whose number it is."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from notify.city import geocoder
from notify.city.geocoder import regions
from notify.core.errors import Invalid, Refused
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import speaking
from notify.inbound import replies
from notify.inbound.commands import own_text
from notify.inbound.heard import Heard, Outcome
from notify.inbound.phrases import normalized
from notify.inbound.picking import choice
from notify.subscribers import address_checks, consent, enrolling, own, record, wishes
from notify.subscribers.conversations import LASTS, Talk
from notify.subscribers.enrolling import Applicant
from notify.subscribers.wishes import NOWHERE, Wish

# What we ask. `WHERE`: the address; `WHICH`: one of several places; `MOVED`, `WHICH_MOVED`: the same of who has moved.
WHERE, WHICH, MOVED, WHICH_MOVED = "where", "which", "moved", "which-moved"
ASKS = frozenset({WHERE, WHICH, MOVED, WHICH_MOVED})
CHOICES = 3
MOST_TRIES = 3
_DIGIT = re.compile(r"\d")
# Words of addresses that a label may spell in another way, and courtesy.
_USUAL = """
street st avenue ave av road rd drive dr boulevard blvd lane ln court ct place pl way terrace ter circle cir square
sq parkway pkwy highway hwy north south east west n s e w ne nw se sw apt apartment unit suite ste floor fl no number
numero calle avenida piso apto please pls thanks thank you por favor gracias
"""
# What people write before an address.
_BEFORE = re.compile(
    r"^(?:(?:no|si|s\u00ed|yes|now|ahora|hi|hola|i|we|have|am|im|i'm|me|nos|mi|my|it's|its|it|is|es|address|direccion"
    r"|direcci\u00f3n|new|nueva|moved|mud\u00e9|mude|mudamos|mudado|live|lives|living|vivo|vivimos|to|at|a|en|the|la)\b[\s,.:;-]*)+"
    r"(?=\d)",
    re.IGNORECASE,
)


def join(heard: Heard) -> Outcome | None:
    """Ask for the address, or take the one that follows the command."""
    if not heard.may.reach:
        return Outcome("start_blocked", heard.talk.over())
    assert heard.command is not None  # noqa: S101  what calls this
    talk = heard.talk
    if heard.contact is None and heard.language != settings().languages[0]:
        talk = replace(talk, language=heard.language)  # that of the first text; an address is in none
    if heard.command.whole_city:
        return whole_city(heard, talk.asking(WHERE, heard.now + LASTS))
    if heard.command.place:
        if not _DIGIT.search(heard.command.place) and heard.meaning != "other":
            return None  # what is no address may ask for something else
        return _place(heard, heard.command.place, talk.asking(WHERE, heard.now + LASTS))
    known = "join_more" if heard.resident is not None else "join_ask"
    words = replies.worded(heard.language, "join_ask")
    return Outcome(known, talk.asking(WHERE, heard.now + LASTS, words=words))


def answer(heard: Heard) -> Outcome | None:
    """Take an answer to one of ASKS. None for words that mean something else, and for doubtful ones with no address."""
    talk = heard.talk
    said = heard.command.name if heard.command is not None else ""
    if said == "no":
        return Outcome("join_no", talk.over())
    if said == "yes":
        return Outcome("which" if talk.kept.get("choices") else "where_again", talk, {"choices": _numbered(talk)})
    if heard.meaning not in ("other", "doubt"):
        return None
    if talk.asked in (WHICH, WHICH_MOVED):
        picked = choice(heard.text)
        offered = talk.kept.get("choices", ())
        if picked is not None and 1 <= picked <= len(offered):
            lon, lat, label, radius_m, found_by = [*offered[picked - 1], 0, ""][:5]
            return _settle(heard, talk, Wish(float(lon), float(lat), "", str(label), float(radius_m), str(found_by)))
        if picked is not None:
            return Outcome("which", talk, {"choices": _numbered(talk)})
    given = _address(heard)
    if heard.meaning == "doubt" and not _DIGIT.search(given):
        return None
    return _place(heard, given, talk)


def whole_city(heard: Heard, talk: Talk) -> Outcome:
    """Sign the number up without a place, for what goes to the whole city. Who has moved loses the old one."""
    return _settle(heard, talk, NOWHERE)


def ask_new_address(heard: Heard) -> Outcome:
    """Ask who has moved for the new address."""
    return Outcome("moved_ask", heard.talk.asking(MOVED, heard.now + LASTS, **heard.talk.kept))


def new_address(heard: Heard) -> Outcome | None:
    """Take the new address with which somebody answers whether they still live at the old one; None if it is none."""
    given = _address(heard)
    if not _DIGIT.search(given) and regions.region(heard.s, given) is None:
        return None
    return _place(heard, given, replace(heard.talk, asked=MOVED, ends_at=heard.now + LASTS))


def _address(heard: Heard) -> str:
    return _BEFORE.sub("", own_text(heard.text))


def _place(heard: Heard, given: str, talk: Talk) -> Outcome:
    """Find the place that is meant, or ask again."""
    moved = talk.asked in (MOVED, WHICH_MOVED)
    found = geocoder.find(heard.s, given)
    if found.certain and not _says_more(given, found.matches[0].label):
        match = found.matches[0]
        return _settle(heard, talk, Wish(match.lon, match.lat, "", match.label))
    there = regions.region(heard.s, given)
    if there is not None:
        return _settle(heard, talk, wishes.around(there, ""))
    kept = {name: value for name, value in talk.kept.items() if name != "choices"}
    choices = _choices(heard, given, found)
    if choices:
        asked = talk.asking(WHICH_MOVED if moved else WHICH, heard.now + LASTS, **kept | {"choices": choices})
        return Outcome("which", asked, {"choices": _numbered(asked)})
    tries = int(kept.get("tries", 0)) + 1
    if tries >= MOST_TRIES:
        return Outcome("where_end", talk.over())
    asked = talk.asking(MOVED if moved else WHERE, heard.now + LASTS, **kept | {"tries": tries})
    return Outcome("where_number" if found.matches else "where_again", asked)


def _choices(heard: Heard, given: str, found: geocoder.Found) -> list[list[object]]:
    """Return the houses, crossings and landmarks that may be meant; without any, the zones that are spelt nearly so.
    Each is longitude, latitude, name, radius in metres, and how it was found."""
    offered = [one for one in found.matches if one.kind != "street"][:CHOICES]
    if offered or _DIGIT.search(given):
        return [[one.lon, one.lat, one.label] for one in offered]
    like = (wishes.around(there, "") for there in regions.regions_like(heard.s, given, CHOICES))
    return [[one.lon, one.lat, one.address, one.radius_m, one.found_by] for one in like]


def _says_more(given: str, label: str) -> bool:
    """Return whether somebody has written more than an address: it may be a cry for help, and is asked back."""
    named = {*normalized(label).split(), *normalized(settings().city).split(), *_USUAL.split()}
    return any(word not in named and not any(map(str.isdecimal, word)) for word in normalized(given).split())


def _numbered(talk: Talk) -> str:
    return " ".join(f"{n}) {label}" for n, (_lon, _lat, label, *_more) in enumerate(talk.kept.get("choices", ()), 1))


def _settle(heard: Heard, talk: Talk, wish: Wish) -> Outcome:
    """Sign the number up for a place, or put it in place of the old one."""
    if not heard.take_import_lock():
        return Outcome("busy", talk)
    with speaking(heard.language):
        if wish != NOWHERE:
            wish = replace(wish, label=_("Home"))
        if talk.asked in (MOVED, WHICH_MOVED):
            return _move(heard, talk.kept, wish)
        return _enrol(heard, talk.kept, wish)


def _enrol(heard: Heard, kept: Mapping[str, Any], wish: Wish) -> Outcome:
    confirmed = "joined_city" if wish == NOWHERE else "joined"
    words = str(kept.get("words") or replies.worded(heard.language, confirmed, place="..."))
    had = heard.resident is not None and not consent.reasons_against(heard.s, heard.channel, heard.index)
    who = Applicant(heard.channel, heard.address, heard.language, words, consent.BY_JOIN)
    joined = enrolling.enrol(heard.s, who, wish, heard.now, ends_any_opt_out=True)
    heard.s.flush()
    over = replace(heard.talk.over(), language="")
    if joined.left_out is not None:
        return Outcome("too_many_places", over)
    gap = record.gap(heard.s, heard.channel, heard.index, heard.now)
    if wish == NOWHERE and (until := heard.muted_until()):
        return Outcome("start_muted", over, {"date": until})
    if gap in ("all-left", "some-left") and (until := heard.muted_until()):
        return Outcome("place_muted", over, {"place": wish.address, "date": until})
    if gap in ("barred", "no-topics", "all-left"):
        return Outcome(f"start_{gap.replace('-', '_')}", over)
    if wish == NOWHERE:
        return Outcome("joined_city" if gap == "no-place" else "city_too", over)
    key = "joined_others" if joined.had_others else "place_added" if had else "joined"
    return Outcome(key, over, {"place": wish.address})


def _move(heard: Heard, about: Mapping[str, Any], wish: Wish) -> Outcome:
    """Put a new place where the old one was. Who answers from the number was asked there, but may be another person by
    now: then they join anew."""
    over = heard.talk.over()
    if heard.resident is None:
        return _enrol(heard, {}, wish)
    address_checks.note_answer(heard.s, int(about.get("check_id", 0)), "moved", heard.now)
    own.remove_place(heard.s, heard.resident, int(about.get("place_id", 0)), heard.now)
    try:
        own.place(heard.s, heard.resident, wish, heard.now)
    except (Invalid, Refused):
        return Outcome("too_many_places", over)
    if wish == NOWHERE:
        return Outcome("moved_city", over)
    if until := heard.muted_until():
        return Outcome("place_muted", over, {"place": wish.address, "date": until})
    return Outcome("moved", over, {"place": wish.address})

"""A stolen dump of the database tells nobody's phone, email, street address or home."""

import re
import struct
import urllib.parse
import urllib.request
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from psycopg import sql
from shapely.geometry import box

from notify.core.db import schema_connection
from tests.acceptance.city import CONSENT, City
from tests.waiting import until

LON, LAT = 10.4873519, 45.0213847
JOINED, CALLED, LEFT = "+12015558101", "+12015558102", "+12015558103"
MAIL, GONE = "quilla.zwart@example.org", "harro.zwart@example.org"
STREET, MOVED = "4711 Quillfeather Ave", "4712 Quillfeather Ave"
# What no dump may hold. The city's own numbers, staff and address points are not residents'.
NUMBER = re.compile(r"\+1201555\d{4}")


def test_a_dump_of_the_database_holds_no_address_of_a_resident(city: City) -> None:
    live_here(city)
    city.until_delivered(city.launch(city.approved("Dump", channels=("sms", "email"))))
    dump = dict(tables())
    assert {"contacts", "places", "deliveries", "consents", "joinings", "direct_messages", "inbound"} <= dump.keys()
    assert "Dump" in dump["zones"], "it would be seen"
    found = {(table, form) for table, rows in dump.items() for form in forms() if form in rows}
    assert not found
    assert not {(table, NUMBER.findall(rows)[0]) for table, rows in dump.items() if NUMBER.search(rows)}


def live_here(city: City) -> None:
    """Residents come by every door, text, call, leave and are erased."""
    city.keep_zone("Dump", box(10.47, 45.0, 10.5, 45.05))
    city.import_rows(
        [
            f'{CALLED},{MAIL},en,storm,{LON},{LAT},"{STREET}",{STREET},{CONSENT}',
            f'{LEFT},{GONE},es,storm,{LON},{LAT},"{MOVED}",home,{CONSENT}',
        ]
    )
    join(city)
    for phone, words in ((JOINED, f"JOIN {STREET}"), (CALLED, f"my email is {MAIL}"), (LEFT, "STOP")):
        city.sim(f"/_sim/phones/{quote(phone)}/reply", {"text": words, "to": "+15555550100"})
    until(lambda: city.sql("SELECT 1 FROM suppressions s JOIN contacts c USING (address_index)"
                           " WHERE c.created_at > now() - interval '5 minutes'"), 60, "STOP has arrived")  # fmt: skip
    number = city.run_json("residents", "find", CALLED)["resident"]["id"]
    assert city.run("residents", "correct", str(number), "--phone", "+12015558104", "--how", "call").returncode == 0
    other = city.run_json("residents", "find", GONE)["resident"]["id"]
    assert city.run("residents", "erase", str(other), "--yes").returncode == 0
    assert STREET in city.run("subscribers", "export").stdout


def join(city: City) -> None:
    door = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    door.addheaders = [("Origin", city.url)]
    page = post(door, f"{city.url}/join", contact=JOINED, place=f"{LON} {LAT} {STREET}")

    def code() -> str:
        texts = [m["body"] for m in city.received("twilio") if m["to"] == JOINED]
        return re.findall(r"\b\d{6}\b", texts[-1])[0] if texts else ""

    post(door, page, code=until(code, 60, "a code has arrived") or "")
    post(door, f"{city.url}/me/places", address="", place=f"{LON} {LAT + 0.01} {MOVED}", label=MOVED)


def post(door: urllib.request.OpenerDirector, url: str, **fields: str) -> str:
    """Post a form and return where it led."""
    with door.open(url, urllib.parse.urlencode(fields).encode(), timeout=60) as answer:
        return str(answer.url)


def tables() -> Iterator[tuple[str, str]]:
    """Every table with all its rows as text, bytes in hexadecimal, in lower case."""
    with schema_connection() as owner:
        names = owner.execute(
            """SELECT relname FROM pg_class
                WHERE relkind IN ('r', 'm') AND relnamespace = 'public'::regnamespace"""
        ).fetchall()
        for (name,) in names:
            rows = owner.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name))).fetchall()
            yield name, "\n".join(row for (row,) in rows)


def forms() -> set[str]:
    """Every form in which one of the residents' addresses could be written."""
    found = set()
    for phone in (JOINED, CALLED, LEFT, "+12015558104"):
        area, exchange, line = phone[2:5], phone[5:8], phone[8:]
        found |= {phone[2:], f"{area}-{exchange}-{line}", f"({area}) {exchange}-{line}", f"{area}.{exchange}.{line}",
                  f"{exchange}-{line}", f"{area} {exchange} {line}"}  # fmt: skip
    for words in (MAIL, GONE, STREET, MOVED):
        found |= {
            words,
            words.lower(),
            words.upper(),
            quote(words),
            quote(words, safe=""),
            urllib.parse.quote_plus(words),
        }
    found |= {"Quillfeather", "quillfeather", "QUILLFEATHER", "zwart"}
    found |= {word.encode().hex() for word in set(found)}
    for degrees in (LON, LAT):
        packed = [struct.pack(form, degrees) for form in ("<d", ">d", "<f", ">f")]
        packed += [struct.pack(form, round(degrees * 1e7)) for form in ("<i", ">i")]
        # Two decimals are a square kilometre, as coarse as the index of the cell (ADR 27).
        found |= {f"{degrees:.3f}"[:6], *(one.hex() for one in packed)}
    return found


@pytest.mark.parametrize("form", ["2015558101", "%2B12015558101", "(201) 555-8101", MAIL.encode().hex(), "45.021"])
def test_the_search_knows_the_forms_of_an_address(form: str) -> None:
    assert any(one in form for one in forms())

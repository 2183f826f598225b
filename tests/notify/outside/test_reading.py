"""Documents of other agencies are read whatever their kind, and a bad message is named and set aside."""

import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import shapely
from shapely.geometry import box as square

from notify.outside import reading
from notify.outside.messages import Message
from notify.outside.reading import UnreadableDocument, read
from tests.notify.outside import writing
from tests.notify.outside.writing import NWS, OPS, atom, cap, embedded, entry, feature, info, nws, polygon
from tests.zones.real import DATA

HERE = "https://brook.example.gov/feed/index.atom"


def one(document: str) -> Message:
    found = read(document.encode(), HERE)
    assert (found.unreadable, len(found.messages)) == ((), 1)
    return found.messages[0]


def test_a_cap_message_with_its_area_and_languages() -> None:
    spanish = info("Inundación", "es-US", headline="Sube el arroyo", area=polygon(1, 0))
    found = one(
        cap("brook-7", info(area=polygon(0, 0), severity="Moderate"), spanish, kind="Update", refers=["a", "b"])
    )
    assert (found.identifier, found.kind, found.refers) == ("brook-7", "Update", (f"{OPS},a", f"{OPS},b"))
    assert [(words.language, words.event) for words in found.words] == [
        ("en-US", "Flood Warning"),
        ("es-US", "Inundación"),
    ]
    assert found.severity == "Severe"  # the worst of its parts
    assert found.sender == "Brook County Emergency Management"
    assert found.area is not None
    assert found.area.equals(square(0, 0, 0.5, 0.5).union(square(1, 0, 1.5, 0.5)))  # longitude first
    assert found.end_given
    assert abs(found.ends_at - datetime.now(UTC) - timedelta(minutes=60)) < timedelta(seconds=30)


def test_a_circle_is_in_kilometres_and_one_without_a_radius_is_no_area() -> None:
    found = one(cap("c", info(area="<circle>40,-75 2</circle>"))).area
    assert found is not None
    west, south, east, north = found.bounds
    assert (round(north - south, 3), round((west + east) / 2, 3), round((south + north) / 2, 3)) == (0.036, -75, 40)
    assert one(cap("c", info(area="<circle>40,-75 0</circle>"))).area is None


def test_one_with_only_codes_of_places_has_no_area_and_one_without_an_end_a_guessed_one() -> None:
    codes = "<polygon></polygon><geocode><valueName>SAME</valueName><value>042101</value></geocode>"
    found = one(cap("c", info(area=codes, minutes=None)))
    assert (found.area, found.end_given, found.ends_at - found.sent) == (None, False, timedelta(hours=24))


def test_infos_of_one_language_are_one_text() -> None:
    found = one(
        cap("c", info(description="North: ice."), info(description="South: rain."), info(description="North: ice."))
    )
    assert [words.description for words in found.words] == ["North: ice.\n\nSouth: rain."]


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (cap("bad", sent="yesterday"), "bad: its time sent, 'yesterday', is not a time with an offset"),
        (cap("bad", sent="2026-01-01T00:00:00"), "bad: its time sent"),
        (cap("bad", sent="9999-12-31T23:59:59-12:00"), "bad: its time sent"),
        (cap("bad", info(area="<polygon>1,2 3,4 1,2</polygon>")), "bad: a polygon of its area has fewer than 4"),
        (cap("bad", info(area="<polygon>1,2 3;4 5,6 1,2</polygon>")), "bad: '3;4' in its area is not latitude,"),
        (cap("bad", info(area="<circle>1,nan 3</circle>")), "bad: 'nan' in its area is not a number"),
        (cap("bad", info(area=polygon(500, 0))), "bad: It lies outside the world"),
        (cap("bad", info(area=f"<polygon>{'1,2 ' * 10_001}</polygon>")), "bad: its area has more than 10000 corners"),
        (cap(""), "a message without an identifier"),
    ],
)  # fmt: skip
def test_a_bad_message_is_named_and_does_not_stop_the_others(message: str, why: str) -> None:
    found = read(atom(embedded(message), embedded(cap("good"))).encode(), HERE)
    assert [one.identifier for one in found.messages] == ["good"]
    assert found.unreadable[0].startswith(why)


def test_entries_link_to_messages_or_hold_them() -> None:
    mail = '<entry><link href="/1.html" type="text/html"/><link href="1.xml" type="text/xml"/></entry>'
    found = read(atom(entry("/cap/2.xml"), embedded(cap("inside")), mail, "<entry/>").encode(), HERE)
    assert [one.identifier for one in found.messages] == ["inside"]
    assert [one.address for one in found.linked] == [
        "https://brook.example.gov/cap/2.xml", "https://brook.example.gov/feed/1.xml"
    ]  # fmt: skip
    rss = "<rss><channel><item><pubDate>now</pubDate><link> https://a.example.gov/1.cap </link></item></channel></rss>"
    assert [(one.address, one.edition) for one in read(rss.encode(), HERE).linked] == [
        ("https://a.example.gov/1.cap", "now")
    ]


def test_the_weather_service_says_when_the_danger_ends_and_not_when_its_text_is_renewed() -> None:
    found = one(nws(feature(ends=writing.at(300), expires=writing.at(30))))
    assert found.ends_at > datetime.now(UTC) + timedelta(minutes=290)
    parameters = {"eventEndingTime": [writing.at(200)]}
    found = one(nws(feature(ends=None, parameters=parameters)))
    assert found.ends_at > datetime.now(UTC) + timedelta(minutes=190)
    assert (found.sender, found.words[0].event, found.area) == ("NWS Example", "Wind Advisory", None)
    assert read(nws().encode(), HERE).complete


@pytest.mark.parametrize(
    ("code", "kind", "status"),
    [
        ("/O.CON.KOHX.WI.Y.0001.240109T0000Z-240110T0600Z/", "Alert", "Actual"),
        ("/O.CAN.KOHX.WI.Y.0001.240109T0000Z-240110T0600Z/", "Cancel", "Actual"),
        ("/O.UPG.KOHX.WI.Y.0001.240109T0000Z-240110T0600Z/", "Cancel", "Actual"),
        ("/T.NEW.KOHX.WI.Y.0001.240109T0000Z-240110T0600Z/", "Alert", "Test"),
    ],
)
def test_the_code_of_the_weather_service_counts_more_than_its_type(code: str, kind: str, status: str) -> None:
    found = one(nws(feature(parameters={"VTEC": [code]})))
    assert (found.kind, found.status) == (kind, status)


def test_references_of_the_weather_service() -> None:
    dead = {"expiredReferences": [f"{NWS},old-1,2026-01-01T00:00:00-00:00 w@else.gov,old-2,2026-01-01T00:00:00-00:00"]}
    named = [{"identifier": "new-1"}, {"identifier": "new-2", "sender": NWS}, {"identifier": "x", "sender": "y"}, "?"]
    found = one(nws(feature(references=named, parameters=dead)))
    assert found.refers == (f"{NWS},new-1", f"{NWS},new-2", f"{NWS},old-1")


@pytest.mark.parametrize(
    "document",
    [
        cap("a", info(area="<polygon>51,179 52,179 52,-179 51,-179 51,179</polygon>")),
        nws(feature(geometry={
            "type": "Polygon", "coordinates": [[[179, 51], [-179, 51], [-179, 52], [179, 52], [179, 51]]],
        })),
    ],
)  # fmt: skip
def test_an_area_across_the_180th_meridian_is_cut_there(document: str) -> None:
    area = one(document).area
    assert area is not None
    assert area.equals(shapely.union(shapely.box(179, 51, 180, 52), shapely.box(-180, 51, -179, 52)))


def test_an_area_that_crosses_itself_takes_no_time() -> None:
    rng = np.random.default_rng(1)
    rings = [corners[[*range(600), 0]] for corners in rng.random((10, 600, 2)).round(3)]
    knots = [" ".join(f"{lat},{lon}" for lat, lon in ring) for ring in rings]
    tangled = [embedded(cap(f"k{n}", info(area=f"<polygon>{knot}</polygon>"))) for n, knot in enumerate(knots)]
    began_s = time.monotonic()
    found = read(atom(*tangled, embedded(cap("good"))).encode(), HERE)
    assert time.monotonic() - began_s < 5  # one of them takes 2 to untangle
    assert [message.identifier for message in found.messages] == ["good"]
    assert len(found.unreadable) == 10
    assert "crosses itself and has more than 200 corners" in found.unreadable[0]


def test_a_document_that_takes_long_is_cut_off_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_S", -1.0)
    found = read(nws(feature()).encode(), HERE)
    assert found.messages == ()
    assert "those after them are not read" in found.unreadable[0]


def test_what_is_sent_in_the_future_is_no_message_and_no_end_is_years_ahead() -> None:
    ahead = (datetime.now(UTC) + timedelta(minutes=20)).isoformat()
    found = read(cap("a", sent=ahead).encode(), HERE)
    assert "is still to come" in found.unreadable[0]
    at_last = one(cap("b", info(minutes=60 * 24 * 365)))
    assert at_last.ends_at == at_last.sent + timedelta(days=90)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "neither JSON nor XML"),
        (b"hello", "neither JSON nor XML"),
        (b"{", "cannot be read as such"),
        (b"{" + b'"a":[' * 50_000, "cannot be read as such"),
        (b'{"type": "Feature"}', "not the alerts of the National Weather Service"),
        (b"<html/>", "its root is 'html'"),
        (b"<alert>", "it is not XML"),
        (b'<?xml version="1.0" encoding="x"?><a/>', "an encoding that cannot be read"),
        (b'<!DOCTYPE a [<!ENTITY x "y">]><alert>&x;</alert>', "document type"),
        (b'<!DOCTYPE alert SYSTEM "file:///etc/passwd"><alert/>', "document type"),
        (b"<a>" * 1000, "nested deeper"),
    ],
)
def test_what_is_no_feed_is_refused_with_the_reason(document: bytes, why: str) -> None:
    with pytest.raises(UnreadableDocument, match=why):
        read(document, HERE)


def test_text_that_cannot_be_stored_is_cleaned_and_cut() -> None:
    found = one(nws(feature(headline="a\x00b\ud800c\u202e" + "d" * 900, description="  one\n\n\n\n   two", event=7)))
    words = found.words[0]
    assert words.headline.startswith("abcd")
    assert (len(words.headline), words.description, words.event) == (500, "one\n\ntwo", "")


@pytest.mark.parametrize(
    ("name", "messages", "linked"),
    [
        ("nws/nws_alerts_northwest_resolved.json", 529, 0),
        ("cap/oasiscap/ipaws-5e6ddbad023f1930ef6c1a5a.xml", 1, 0),
        ("cap/oasiscap/nws-5c2cf27b1f56885d61654dc47fa411d5.xml", 1, 0),
        ("cap/wmo_wis2box_cap_example.xml", 1, 0),
        ("cap/google/testdata/canada.cap", 1, 0),
        ("cap/google/testdata/weather_index.atom", 0, 2),
        ("cap/google/examples/earthquake.atom", 1, 0),
        ("cap/google/examples/amber.rss", 0, 1),
        ("cap/meteoalarm_feed_estonia.atom", 0, 1),
        ("cap/ibm_nws_atom_feed_example.xml", 0, 163),
    ],
)
def test_real_documents(name: str, messages: int, linked: int) -> None:
    path = DATA / name
    if not path.is_file():
        pytest.skip("../shared/data is absent")
    found = read(path.read_bytes(), HERE)
    assert len(found.messages) >= messages
    assert len(found.linked) >= linked
    assert found.unreadable == ()
    assert all(words.event for one in found.messages for words in one.words)

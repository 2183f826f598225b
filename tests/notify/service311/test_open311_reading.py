"""What real GeoReport endpoints answer, with their oddities; each says where it was seen."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notify.service311.open311 import reading
from notify.service311.open311.reading import Filed, Unreadable

SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "open311"
CITY = ZoneInfo("America/Chicago")


def recorded(name: str) -> bytes:
    if not (SHARED / name).exists():
        pytest.skip("../shared/data is absent")
    return (SHARED / name).read_bytes()


def test_a_list_of_services() -> None:
    found, unread = reading.services(recorded("service_list.json"))
    assert ([one.code for one in found], unread) == (["001", "002", "003"], 0)
    assert (found[0].group, found[0].keywords, found[0].has_attributes) == (
        "sanitation",
        ("lorem", "ipsum", "dolor"),
        True,
    )


def test_giessen_writes_an_attribute_on_the_root_and_letters_beyond_ascii() -> None:
    found, unread = reading.services(recorded("services_giessen.xml"))
    assert unread == 0
    assert {one.code: one.name for one in found}["012"] == "Verkehrsschild beschädigt"
    assert (found[0].description, found[0].keywords, found[0].has_attributes) == ("", (), False)


def test_chicago_has_ids_with_letters_and_points_with_many_digits() -> None:
    (first, second), unread = reading.requests(recorded("service_requests.json"), CITY)
    assert (first.id, first.service, first.is_open, unread) == ("14-01100669", "Alley Light Out", True, 0)
    assert first.at == (-87.66475146237676, 41.858724777757864)
    assert first.requested_at == datetime(2014, 7, 12, 10, 58, 43, tzinfo=timezone(timedelta(hours=-5)))
    assert second.notes == "Locked"


def test_toronto_sends_empty_elements() -> None:
    found, unread = reading.requests(recorded("requests_many.xml"), CITY)
    assert ([one.id for one in found], unread) == (["101005420892", "101005420894"], 0)
    assert (found[0].updated_at, found[0].description) == (None, "")
    assert found[0].expected_at is not None
    (one,), _ = reading.requests(recorded("requests_single.xml"), CITY)
    assert one == found[0]


def test_cologne_has_null_and_numbers_where_words_should_be() -> None:
    found, unread = reading.requests(recorded("koeln_requests_httptest.json"), CITY)
    assert unread == 0
    assert (len(found), len({one.id for one in found})) == (50, 49)  # it lists one twice
    assert all(one.at and one.requested_at and one.agency == "" for one in found)


@pytest.mark.parametrize(
    "body",
    [
        b'[{"service_request_id": 7, "status": "OPEN"}]',
        b'{"service_request_id": "7", "status": "Open"}',  # one object where a list belongs
        b'{"service_requests": {"request": {"service_request_id": "7", "status": "open"}}}',  # XML made JSON
        b'{"service_requests": {"request": [{"service_request_id": 7, "status": "open"}]}}',
        b'{"requests": [{"service_request_id": " 7 ", "status": "open"}], "page": 1}',
        b'\xef\xbb\xbf[{"service_request_id": 7, "status": "open"}]',
        b"<requests><request><service_request_id>7</service_request_id><status>open</status></request></requests>",
        b'<?xml version="1.0"?><service_requests type="array"><request><service_request_id>7</service_request_id>'
        b"</request></service_requests>",
        b'[{"service_request_id": 7}]',
    ],
)
def test_one_request_in_each_wrapping(body: bytes) -> None:
    (one,), unread = reading.requests(body, CITY)
    assert (one.id, one.is_open, one.status, unread) == ("7", True, "open", 0)


@pytest.mark.parametrize(
    "body", [b"[]", b"<service_requests/>", b'{"requests": []}', b'{"service_requests": {"request": []}}']
)
def test_none_is_none(body: bytes) -> None:
    assert reading.requests(body, CITY) == ([], 0)


def one(**fields: Any) -> reading.Request:
    (found,), _ = reading.requests(json.dumps([{"service_request_id": "1", **fields}]).encode(), CITY)
    return found


@pytest.mark.parametrize(
    ("lon", "lat", "at"),
    [
        ("-87.6", "41.8", (-87.6, 41.8)),
        (-87.6, 41.8, (-87.6, 41.8)),
        ("", "", None),
        (None, None, None),
        (0, 0, None),
        ("0.0", "0", None),
        ("-87.6", "", None),
        (2700000.0, 240000.0, None),  # feet
        ("NaN", "41.8", None),
        ("west", "north", None),
    ],
)
def test_a_point_or_none(lon: Any, lat: Any, at: Any) -> None:
    assert one(long=lon, lat=lat).at == at


@pytest.mark.parametrize(
    ("said", "is_open", "status"),
    [
        ("closed", False, "closed"),
        ("Closed", False, "closed"),
        ("open", True, "open"),
        ("", True, "open"),
        (None, True, "open"),
        ("In Progress", True, "in progress"),
    ],
)
def test_what_is_not_closed_is_open(said: Any, is_open: bool, status: str) -> None:
    assert (one(status=said).is_open, one(status=said).status) == (is_open, status)


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ("2026-11-26T12:00:00Z", datetime(2026, 11, 26, 12, tzinfo=UTC)),
        ("2026-11-26T12:00:00-06:00", datetime(2026, 11, 26, 18, tzinfo=UTC)),
        ("2026-11-26T12:00:00", datetime(2026, 11, 26, 18, tzinfo=UTC)),  # the city's own time
        ("2026-11-26", datetime(2026, 11, 26, 6, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_a_time_or_none(said: Any, at: datetime | None) -> None:
    assert one(requested_datetime=said).requested_at == at


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("half \ud83d a letter", "half  a letter"),
        ("nothing\0at all", "nothingat all"),
        ("two\nlines", "two lines"),
        ("x" * 5_000, "x" * 4_000),
        ("Straße 😀", "Straße 😀"),
    ],
)
def test_words_can_be_shown_and_stored(said: str, read: str) -> None:
    assert one(description=said).description == read


def test_what_cannot_be_read_keeps_nothing_else_from_being_read() -> None:
    found, unread = reading.requests(b'[7, null, {"status": "open"}, {"service_request_id": "1"}]', CITY)
    assert ([each.id for each in found], unread) == (["1"], 3)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not found",
        b"<html><body>Sign in</body></html>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><requests/>",
        b"<requests><request>",
        b'"words"',
        b"7",
        b"[" * 100_000,
    ],
)
def test_what_is_not_of_its_kind_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable):
        reading.requests(body, CITY)


@pytest.mark.parametrize(
    ("body", "filed"),
    [
        (b'[{"service_request_id": 293944, "service_notice": "Thanks"}]', Filed("293944", "", "Thanks")),
        (b'[{"token": "12345"}]', Filed("", "12345", "")),
        (b'[{"service_notice": "Thanks"}]', Filed("", "", "Thanks")),  # blackbox
        (b"<service_requests><request><token>12345</token></request></service_requests>", Filed("", "12345", "")),
    ],
)
def test_what_became_of_a_filed_request(body: bytes, filed: Filed) -> None:
    assert reading.filed(body) == filed


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'[{"code": 400, "description": "lat/long or address is needed"}]', "lat/long or address is needed"),
        (b"<errors><error><code>403</code><description>Bad key</description></error></errors>", "Bad key"),
        (b'{"errors": [{"code": "400"}]}', "400"),
        (b"<html/>", ""),
    ],
)
def test_why_an_endpoint_refuses(body: bytes, why: str) -> None:
    assert reading.refusal(body) == why

"""Staff look up the addresses that the city's file lacks, and accept or refuse them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from notify.city import geocoder
from notify.core import points
from notify.core.db import transaction
from notify.subscribers import own, place_checks, serving
from notify.subscribers.changing import Where, add_place, move
from tests import factories
from tests.api import asked
from zones.addresses.readings import HouseNumber
from zones.addresses.rows import AddressRow

NOW = datetime.now(UTC)
LIST = "/console/place-checks"
TYPED = "9 Nowhere Lane"


@pytest.fixture
def desk(city: datetime, at_desk: Callable[[str], httpx.Client]) -> httpx.Client:
    with transaction() as s:
        factories.zone(s, now=NOW)
        houses = [AddressRow(HouseNumber(100 + 2 * n), "Goldfinch St", "", "Tocsin", "", 0.6, 0.7) for n in range(3)]
        geocoder.keep_addresses(s, houses, "a test", NOW, confirmed=True)
    return at_desk("agent")


@pytest.fixture
def check(desk: httpx.Client) -> int:
    with transaction() as s:
        return factories.place_check(s, TYPED, now=NOW)


def decide(desk: httpx.Client, check: int, how: str, **fields: str) -> httpx.Response:
    return desk.post(f"{LIST}/{check}/{how}", data=fields, follow_redirects=True)


def state(check: int) -> tuple[str | None, str | None, bool]:
    ((decision, why, by),) = asked.rows(
        "SELECT decision, why, decided_by IS NOT NULL FROM place_checks WHERE place_id = :p", p=check
    )
    return decision, why, by


def point(check: int) -> tuple[float, float]:
    ((who, sealed),) = asked.rows("SELECT subscriber_id, point_sealed FROM places WHERE id = :p", p=check)
    return points.open_one(who, bytes(sealed))


def resident(check: int) -> int:
    return asked.number("SELECT subscriber_id FROM places WHERE id = :p", p=check)


def own_place(check: int) -> own.OwnPlace:
    with transaction() as s:
        return own.read(s, resident(check)).places[0]


def acts() -> list[str]:
    found = asked.rows("SELECT action, detail::text FROM audit WHERE action LIKE '%address%' ORDER BY id")
    assert all("Nowhere" not in (detail or "") for _action, detail in found)
    return [action for action, _detail in found]


def test_the_list_has_the_oldest_first_with_point_and_origin_and_is_audited(desk: httpx.Client, check: int) -> None:
    with transaction() as s:
        factories.place_check(s, "8 Older Road", given_by="zip", now=NOW - timedelta(hours=1), language="es")
    shown = desk.get(LIST).text
    assert shown.index("8 Older Road") < shown.index(TYPED)
    assert "longitude 0.500000, latitude 0.500000" in shown
    assert "the middle of a ZIP code" in shown
    assert "<dd>Español</dd>" in shown
    assert acts() == ["list addresses"]


def test_accepted_as_it_is_the_place_stays(desk: httpx.Client, check: int) -> None:
    assert "No address waits" in decide(desk, check, "accept").text
    assert state(check) == ("kept", None, True)
    assert point(check) == (0.5, 0.5)
    assert asked.number("SELECT count(*) FROM arrivals") == 0
    assert "accept address" in acts()


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"to": "point", "lon": "0.41", "lat": " 0.42"}, (0.41, 0.42)),
        ({"to": "address", "address": "102 goldfinch street"}, (0.6, 0.7)),
        ({"to": "0.43 0.44 104 Goldfinch St"}, (0.43, 0.44)),
    ],
)
def test_accepted_elsewhere_the_place_moves_and_hears_what_holds_there(
    desk: httpx.Client, check: int, fields: dict[str, str], where: tuple[float, float]
) -> None:
    decide(desk, check, "accept", radius="500", **fields)
    assert state(check) == ("moved", None, True)
    assert point(check) == where
    assert asked.rows("SELECT radius_m FROM places WHERE id = :p", p=check) == [(500,)]
    assert asked.number("SELECT count(*) FROM arrivals") == 1
    mine = own_place(check)
    assert ("GOLDFINCH" in mine.address.upper()) is (fields["to"] != "point")
    assert not mine.is_sought


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"to": "point"}, "point is missing"),
        ({"to": "point", "lon": "x", "lat": "1"}, "point is missing"),
        ({"to": "point", "lon": "80", "lat": "80"}, "far from the city"),
        ({"to": "address"}, "address is missing"),
        ({"to": "address", "address": "zzz"}, "no such address"),
    ],
)
def test_a_point_that_is_none_decides_nothing(
    desk: httpx.Client, check: int, fields: dict[str, str], says: str
) -> None:
    told = decide(desk, check, "accept", **fields)
    assert told.status_code in {409, 422}
    assert says in told.text
    assert TYPED in told.text
    assert state(check) == (None, None, False)
    assert point(check) == (0.5, 0.5)


def test_a_refusal_needs_words_without_an_address_and_the_resident_reads_them(desk: httpx.Client, check: int) -> None:
    assert decide(desk, check, "refuse", why=" ").status_code == 422
    assert decide(desk, check, "refuse", why="There is no 9 Nowhere Lane, call 215-555-0142").status_code == 422
    assert state(check) == (None, None, False)
    decide(desk, check, "refuse", why="This street is in Brook County")
    assert state(check) == ("refused", "This street is in Brook County", True)
    assert point(check) == (0.5, 0.5)
    mine = own_place(check)
    assert (mine.refused, mine.is_sought) == ("This street is in Brook County", False)
    assert "refuse address" in acts()


def test_of_two_people_the_first_decides(desk: httpx.Client, check: int) -> None:
    decide(desk, check, "refuse", why="No such street")
    late = decide(desk, check, "accept", to="point", lon="0.1", lat="0.1")
    assert late.status_code == 409
    assert "Somebody else has decided" in late.text
    assert point(check) == (0.5, 0.5)


def test_an_erased_residents_address_goes(desk: httpx.Client, check: int) -> None:
    with transaction() as s:
        serving.erase(s, resident(check), NOW, factories.operator(s, "agent"))
    assert TYPED not in desk.get(LIST).text
    assert asked.number("SELECT count(*) FROM place_checks") == 0
    assert decide(desk, check, "accept").status_code == 404


def test_a_place_that_staff_move_needs_no_look_any_more(desk: httpx.Client, check: int) -> None:
    with transaction() as s:
        move(s, resident(check), "home", Where(lon=0.3, lat=0.3), NOW, factories.operator(s, "agent"))
        assert place_checks.count(s) == 0


def test_a_place_does_not_move_onto_another_of_its_resident(desk: httpx.Client, check: int) -> None:
    with transaction() as s:
        add_place(s, resident(check), "work", Where(lon=0.3, lat=0.3), NOW, factories.operator(s, "agent"))
    told = decide(desk, check, "accept", to="point", lon="0.3", lat="0.3")
    assert told.status_code == 409
    assert "work" in told.text
    assert state(check) == (None, None, False)


def test_it_is_in_the_navigation_of_who_may(at_desk: Callable[[str], httpx.Client], desk: httpx.Client) -> None:
    assert f'href="{LIST}"' in desk.get("/console").text
    author = at_desk("author")
    assert f'href="{LIST}"' not in author.get("/console").text
    assert author.get(LIST).status_code == 403

"""Requests are filed with the simulated request system of a city, each once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy.orm import Session

from notify.channels.http.blocking import BlockingClient
from notify.channels.http.outbound import Outbound
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, Refused
from notify.models import Operator
from notify.service311.open311 import filing
from notify.service311.open311.client import Dialect, Open311, RefusedByCity, Unavailable, Wanted
from notify.service311.open311.filing import Filing
from tests import factories
from tests.notify.service311 import request_system

NOW = datetime(2026, 11, 30, 15, tzinfo=UTC)
POTHOLE = Wanted("pothole", "A deep hole", "120 Main St", (-70.54, 37.94))
CITY = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def simulated() -> Iterator[httpx.Client]:
    with request_system.running() as client:
        yield client


@pytest.fixture
def system(simulated: httpx.Client) -> httpx.Client:
    request_system.anew(simulated)
    return simulated


@pytest.fixture(scope="module")
def asker() -> Iterator[BlockingClient]:
    with BlockingClient(Outbound()) as client:
        yield client


def city(system: httpx.Client, asker: BlockingClient, key: str = request_system.KEY, **dialect: object) -> Open311:
    return Open311(f"{system.base_url}/open311/v2", asker, CITY, key, Dialect(**dialect))  # type: ignore[arg-type]


def agent() -> Operator:
    with transaction() as s:
        return factories.operator(s, "agent")


def agent_of(s: Session) -> Operator:
    return factories.operator(s, "agent")


def begun(by: Operator, wanted: Wanted = POTHOLE, form: UUID | None = None, now: datetime = NOW) -> tuple[Filing, bool]:
    with transaction() as s:
        return filing.begin(s, form or uuid4(), "Pothole", wanted, by, now)


def handed(system: Open311, one: Filing, now: datetime = NOW) -> Filing:
    became = filing.hand_over(system, one.wanted)
    with transaction() as s:
        return filing.record(s, one.id, became, now)


@pytest.mark.parametrize("shape", ["list", "object", "wrapped"])
@pytest.mark.parametrize("dialect", [{}, {"format": "xml"}])
def test_what_is_filed_is_found_by_its_number_and_its_place(
    database: str, system: httpx.Client, asker: BlockingClient, shape: str, dialect: dict[str, str]
) -> None:
    request_system.behave(system, shape=shape, numeric_ids=True)
    there = city(system, asker, near=True, **dialect)
    one = handed(there, begun(agent())[0])
    assert (one.state, one.said) == ("filed", "The crew looks within three working days.")
    found = there.request(one.number)
    assert found
    assert (found.service, found.address, found.description, found.at) == (
        "Pothole", "120 Main St", "A deep hole", (-70.54, 37.94)
    )  # fmt: skip
    now = datetime.now(UTC)
    window = now - timedelta(hours=1), now + timedelta(minutes=1)
    assert [r.id for r in there.open_ones_near((-70.5405, 37.94), *window)[0]] == [one.number]
    assert there.open_ones_near((-70.55, 37.94), *window) == ([], True)
    plain = city(system, asker)
    assert [r.id for r in plain.open_ones_near((-70.5405, 37.94), *window)[0]] == [one.number]
    assert plain.open_ones_near((-70.55, 37.94), *window) == ([], True)


def test_a_form_that_is_sent_twice_is_filed_once(database: str, system: httpx.Client, asker: BlockingClient) -> None:
    by, form = agent(), uuid4()
    one, may_leave = begun(by, form=form)
    done = handed(city(system, asker), one)
    again, again_may_leave = begun(by, form=form)
    assert (may_leave, again_may_leave, again.number) == (True, False, done.number)
    with pytest.raises(Refused, match=f"filed within a day: {done.number}"):
        begun(by)
    begun(by, now=NOW + timedelta(hours=25))
    assert len(request_system.stored(system)) == 1


def test_without_an_answer_it_is_perhaps_filed_and_never_filed_again(
    database: str, system: httpx.Client, asker: BlockingClient
) -> None:
    by = agent()
    request_system.behave(system, next_errors=[{"accept_then_hang_s": 0.05}])
    one = handed(city(system, asker), begun(by)[0])
    assert (one.state, one.number) == ("perhaps", "")
    with pytest.raises(Refused, match="perhaps filed already"):
        begun(by, now=NOW + timedelta(days=3))
    begun(by, Wanted("pothole", "Another", "7 Oak St"))
    (stored,) = request_system.stored(system)
    with transaction() as s:
        assert filing.settle(s, one.id, stored["service_request_id"], by, NOW).state == "filed"
        with pytest.raises(Refused, match="known already"):
            filing.settle(s, one.id, "", by, NOW)


def test_what_was_looked_for_and_is_not_there_may_be_filed(database: str, system: httpx.Client) -> None:
    by = agent()
    one, _ = begun(by)  # its process ends before it files
    assert one.state == "filing"
    later = NOW + filing.LOST_AFTER + timedelta(seconds=1)
    with transaction() as s:
        assert [f.state for f in filing.latest(s, later)] == ["perhaps"]
        filing.settle(s, one.id, "", by, later)
    assert begun(by, now=later)[1]


def test_what_somebody_has_settled_is_not_overwritten_by_a_late_answer(database: str) -> None:
    by = agent()
    one, _ = begun(by)
    later = NOW + filing.LOST_AFTER + timedelta(seconds=1)
    with transaction() as s:
        filing.settle(s, one.id, "77", by, later)
        kept = filing.record(s, one.id, ("refused", "", "", "too late"), later)
    assert (kept.state, kept.number) == ("filed", "77")


@pytest.mark.parametrize(
    ("wanted", "key", "said"),
    [
        (POTHOLE, "wrong", "api_key"),
        (Wanted("nothing", "x", "120 Main St"), request_system.KEY, "service_code"),
    ],
)
def test_a_refusal_is_told_and_may_be_filed_again(
    database: str, system: httpx.Client, asker: BlockingClient, wanted: Wanted, key: str, said: str
) -> None:
    by = agent()
    one = handed(city(system, asker, key), begun(by, wanted)[0])
    assert one.state == "refused"
    assert said in one.said
    assert begun(by, wanted)[1]


def test_a_city_that_gives_tokens_names_the_number_later(
    database: str, system: httpx.Client, asker: BlockingClient
) -> None:
    request_system.behave(system, answers="token")
    one = handed(city(system, asker), begun(agent())[0])
    assert (one.state, one.number, one.token[:1]) == ("filed", "", "t")
    (stored,) = request_system.stored(system)
    known = city(system, asker).by_token(one.token)
    assert known.id == stored["service_request_id"]
    with transaction() as s, pytest.raises(Refused):
        filing.name(s, one.id, "", agent_of(s), NOW)


def test_the_simulator_refuses_what_the_specification_refuses(system: httpx.Client, asker: BlockingClient) -> None:
    there = city(system, asker)
    with pytest.raises(RefusedByCity, match="place"):
        there.file(Wanted("pothole", "x"))
    assert system.get("/open311/v2/requests/9.json").status_code == 404
    assert system.get("/open311/v2/requests.json", params={"start_date": "2026-11-01"}).status_code == 400
    assert system.get("/open311/v2/services/streetlight.json").json()[0]["attributes"][0]["code"] == "POLE"
    assert system.get("/open311/v2/services/pothole.xml").status_code == 404
    request_system.behave(system, next_errors=[{"status": 503, "on": "lookup"}])
    with pytest.raises(Unavailable, match="503"):
        there.services()
    assert [one.code for one in there.services()][:2] == ["missed-trash", "missed-recycling"]


def test_who_may_file_and_what(database: str) -> None:
    with transaction() as s:
        author = factories.operator(s, "author")
    with pytest.raises(NotAllowed):
        begun(author)
    with pytest.raises(Invalid):
        begun(agent(), Wanted("pothole", " \n", "120 Main St"))
    with pytest.raises(Invalid):
        begun(agent(), Wanted("pothole", "A hole"))


def test_old_ones_are_forgotten(database: str) -> None:
    begun(agent())
    with transaction() as s:
        filing.forget_old(s, NOW + filing.KEPT - timedelta(days=1))
        assert filing.latest(s, NOW)
        filing.forget_old(s, NOW + filing.KEPT + timedelta(days=1))
        assert not filing.latest(s, NOW)

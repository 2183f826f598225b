"""The way of an alert through the door."""

import re
import threading
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import redis as redis_client
from sqlalchemy import text

from api.rest.alert_bodies import AlertOut, AlertSummary
from notify.alerts import lifecycle, listing
from notify.alerts.reporting import reports
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import recovery
from notify.models import Alert
from tests import factories
from tests.api import asked
from tests.waiting import until

Headers = dict[str, str]
Key = Callable[..., Headers]
DRAFT: dict[str, Any] = {
    "event": "storm",
    "zones": ["Riverside"],
    "blanks": {"hazard": "tornado"},
    "channels": ["sms", "email"],
    "status": "Exercise",
}


@pytest.fixture(autouse=True)
def _credentials(public_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "t",
        "SENDGRID_API_KEY": "k",
    }.items():
        monkeypatch.setenv(f"TOCSIN_{name}", value)


@pytest.fixture
def senders(city: datetime) -> None:
    with transaction() as s:
        factories.sender(s, "twilio", now=city)
        factories.sender(s, "sendgrid", now=city)


def post(door: httpx.Client, path: str, headers: Headers, status: int = 200, body: dict[str, Any] | None = None) -> Any:
    answer = door.post(f"/api/v1/alerts{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


def in_mixed_states(now: datetime) -> int:
    """An alert on its way: some accepted, delivered, undelivered, waiting, left out."""
    alert = factories.alert_resolved(channels=("sms", "email"), now=now)
    asked.do("UPDATE deliveries SET state = 'accepted', sent_at = now() WHERE state = 'queued' AND id % 2 = 0")
    asked.do("UPDATE deliveries SET state = 'delivered' WHERE state = 'accepted' AND id % 3 = 0")
    asked.do("UPDATE deliveries SET state = 'undelivered', reason = '30005' WHERE state = 'accepted' AND id % 5 = 0")
    return alert


def shown(page: str) -> dict[str, int]:
    """The numbers on a console page, by their ids."""
    return {name: int(value) for name, value in re.findall(r'<data id="([^"]+)" value="(\d+)"', page)}


def test_an_alert_goes_all_the_way(door: httpx.Client, key: Key, senders: None, redis: "redis_client.Redis") -> None:
    author, approver = key("author"), key("approver")
    drafted = post(door, "", author, 201, DRAFT)
    number = drafted["id"]
    assert (drafted["state"], drafted["lane"], drafted["status"]) == ("draft", "emergency", "Exercise")
    preview = door.get(f"/api/v1/alerts/{number}/audience", headers=author).json()
    assert preview["residents"] == 40
    approved = post(door, f"/{number}/approve", approver)
    assert approved["area_hash"] == drafted["area_hash"]
    launched = post(door, f"/{number}/launch", approver)
    assert launched["state"] == "sending"
    assert redis.llen("emergency") == 1  # the doorbell was rung, after the commit
    assert post(door, f"/{number}/pause", author)["state"] == "paused"
    assert post(door, f"/{number}/resume", author)["state"] == "sending"
    assert post(door, f"/{number}/cancel", author)["state"] == "cancelled"
    assert (
        post(door, f"/{number}/launch", approver, 409)["detail"]
        == f"Alert {number} is cancelled: it cannot be launched."
    )
    listed = door.get("/api/v1/alerts", headers=author).json()["alerts"]
    assert [(one["id"], one["state"]) for one in listed] == [(number, "cancelled")]


def test_the_preview_is_what_the_launch_resolves_to(door: httpx.Client, key: Key, city: datetime) -> None:
    with transaction() as s:
        number = factories.alert_ready(s, channels=("sms", "email"), now=city).id
    headers = key()
    preview = door.get(f"/api/v1/alerts/{number}/audience", headers=headers).json()
    with transaction() as s:
        lifecycle.launch(s, number, None, city)
    factories.resolve(number, city)
    counted = door.get(f"/api/v1/alerts/{number}", headers=headers).json()
    assert counted["audience"] == {name: preview[name] for name in ("total", "by_channel", "skipped")}
    assert sum(counted["deliveries"].values()) == counted["audience"]["total"] == 60


FEW = "fewer than 10"


def test_small_numbers_are_told_to_who_writes_and_launches_alerts_alone(
    door: httpx.Client, key: Key, city: datetime, senders: None
) -> None:
    """A key that may only read knows the area of every alert: a small number would point at a home, with its wishes."""
    with transaction() as s:
        waiting = factories.alert_ready(s, now=city).id
    sent = in_mixed_states(city)

    def told(headers: Headers) -> dict[str, Any]:
        paths = {"preview": f"{waiting}/audience", "plan": f"{waiting}/plan", "alert": sent, "report": f"{sent}/report"}
        return {name: door.get(f"/api/v1/alerts/{path}", headers=headers).json() for name, path in paths.items()}

    def numbers(value: Any, name: str = "") -> list[int]:
        if isinstance(value, dict):
            return [one for key_, below in value.items() for one in numbers(below, key_)]
        if isinstance(value, list):
            return [one for below in value for one in numbers(below, name)]
        whole = isinstance(value, int) and not isinstance(value, bool)
        return [value] if whole and name not in {"id", "incident", "alert", "sender_id", "cost"} else []

    exact = told(key("author"))
    assert {*range(1, 10)} & {*numbers(exact)}
    assert 0 < exact["preview"]["skipped"]["unverified"] < 10
    for headers in (key(None), key("agent"), key("admin", scopes=["read"])):
        coarse = told(headers)
        assert not {*range(1, 10)} & {*numbers(coarse)}, "1 to 9 are nowhere told"
        assert coarse["preview"]["skipped"]["unverified"] == FEW
        assert coarse["preview"]["residents"] == exact["preview"]["residents"] // 10 * 10 > 9
        assert coarse["alert"]["deliveries"]["queued"] in (FEW, exact["alert"]["deliveries"]["queued"] // 10 * 10)
        assert coarse["alert"]["deliveries"]["expired"] == 0, "who waits for the end looks for none left"
        assert coarse["alert"]["id"] == sent
    assert numbers(told(key("approver", scopes=["read", "approve"]))) == numbers(exact)


def test_warnings_tell_no_small_number_either(door: httpx.Client, key: Key, city: datetime) -> None:
    with transaction() as s:
        alert = factories.alert_ready(s, now=city)
        number, author = alert.id, alert.created_by
        s.execute(text("UPDATE operators SET audience_limit = 0 WHERE id = :id"), {"id": author})
        s.execute(text("UPDATE senders SET status = 'stopped'"))
    headers = key(None)
    for page in ("plan", "audience"):
        warned = door.get(f"/api/v1/alerts/{number}/{page}", headers=headers).json()["warnings"]
        assert warned, page
        assert not {*range(1, 10_000)} & {int(one) for one in re.findall(r"[0-9]+", " ".join(warned))}, warned


def test_the_report_has_the_words_that_were_sent(door: httpx.Client, key: Key, city: datetime) -> None:
    number = in_mixed_states(city)
    headers = key()
    report = door.get(f"/api/v1/alerts/{number}/report", headers=headers).json()
    words, steps = report.pop("words"), report.pop("steps")
    assert [step["action"] for step in steps][:3] == ["draft", "approve", "launch"]
    got = door.get(f"/api/v1/alerts/{number}", headers=headers).json()
    assert (got.pop("findings"), got.pop("similar")) == ([], [])
    assert report == got
    assert [(one["channel"], one["language"]) for one in words] == [
        ("email", "en"),
        ("email", "es"),
        ("sms", "en"),
        ("sms", "es"),
    ]


def test_the_api_and_the_console_show_the_same_numbers(operator: httpx.Client, key: Key, city: datetime) -> None:
    number = in_mixed_states(city)
    told = operator.get(f"/api/v1/alerts/{number}", headers=key()).json()
    seen = shown(operator.get(f"/console/alerts/{number}").text)
    assert seen["audience-total"] == told["audience"]["total"] == 60
    for state, count in told["deliveries"].items():
        assert seen.get(f"count-{state}", 0) == count, state
    for state, reasons in told["reasons"].items():
        for reason, count in reasons.items():
            assert seen[f"reason-{state}-{reason}"] == count
    for channel, count in told["audience"]["by_channel"].items():
        assert seen[f"wanted-{channel}"] == count


def test_an_operator_launches_from_the_console(
    operator: httpx.Client, city: datetime, redis: "redis_client.Redis"
) -> None:
    with transaction() as s:
        alert = factories.alert_ready(s, channels=("sms",), now=city)
        launch = f"/console/alerts/{alert.id}/launch"
    page = operator.get(f"/console/alerts/{alert.id}").text
    assert f'name="area_hash" value="{alert.area_hash}"' in page
    refused = operator.post(launch, data={"area_hash": alert.area_hash or ""})
    assert (refused.status_code, "Nothing was sent." in refused.text) == (409, True)
    refused = operator.post(launch, data={"area_hash": "another", "sure": "yes", "counted": "yes"})
    assert (refused.status_code, "not the one that this page showed" in refused.text) == (409, True)
    assert asked.rows("SELECT state FROM alerts")[0].state == "approved"
    assert redis.llen("emergency") == 0
    seen = {"area_hash": alert.area_hash or "", "sure": "yes"}
    last = operator.post(launch, data=seen)
    assert (last.status_code, "Launch this emergency now?" in last.text) == (200, True)
    assert asked.rows("SELECT state FROM alerts")[0].state == "approved"
    done = operator.post(launch, data=seen | {"counted": "yes"})
    assert (done.status_code, done.headers["location"]) == (303, f"/console/alerts/{alert.id}")
    assert asked.rows("SELECT state FROM alerts")[0].state == "sending"
    assert redis.llen("emergency") == 1


def test_what_the_domain_refuses_is_said_on_the_page(operator: httpx.Client, city: datetime) -> None:
    with transaction() as s:
        number = factories.alert_draft(s, now=city).id
    answer = operator.post(f"/console/alerts/{number}/approve", data={"area_hash": "x"})
    assert answer.status_code == 503
    assert "sms has no sender" in answer.text


def test_the_stream_tells_of_changes_and_ends_with_the_alert(operator: httpx.Client, city: datetime) -> None:
    number = in_mixed_states(city)
    heard: list[str] = []
    first = threading.Event()

    def listen() -> None:
        with operator.stream("GET", f"/console/alerts/{number}/events") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            for line in stream.iter_lines():
                heard.append(line)
                if line.startswith("event: announcement"):
                    first.set()

    listener = threading.Thread(target=listen)
    listener.start()
    assert first.wait(60)
    waiting = asked.number("SELECT count(*) FROM deliveries WHERE state = 'queued'")
    with transaction() as s:
        lifecycle.cancel(s, number, None, datetime.now(UTC))
    recovery.end_leftovers(datetime.now(UTC))
    asked.do("UPDATE deliveries SET state = 'delivered' WHERE state = 'accepted'")
    listener.join(60)
    assert not listener.is_alive()
    assert heard[-3:-1] == ["event: over", "data: over"]
    assert f'<data id="count-queued" value="{waiting}">' in "".join(heard)
    assert f'<data id="count-cancelled" value="{waiting}">' in "".join(heard)


def test_a_stream_holds_no_connection_and_ends_when_its_reader_leaves(operator: httpx.Client, city: datetime) -> None:
    number = in_mixed_states(city)
    busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
    ended = 'tocsin_http_requests_total{method="GET",route="/console/alerts/{alert_id}/events",status="200"}'

    def counted() -> str:
        return operator.get("/metrics").text.partition(ended)[2].partition("\n")[0]

    before = counted()
    with operator.stream("GET", f"/console/alerts/{number}/events") as stream:
        next(stream.iter_lines())
        until(lambda: asked.number(busy) == 0, 60, "between two looks it holds none")
    until(lambda: counted() != before, 60, "the server has let go of it")  # then the count of requests goes up


def test_a_stream_of_no_alert_is_404(operator: httpx.Client) -> None:
    assert operator.get("/console/alerts/99/events").status_code == 404


def test_zones_and_senders_over_rest(door: httpx.Client, key: Key) -> None:
    admin = key()
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
    feature = {"type": "Feature", "properties": {"NAME": "Old Town/East"}, "geometry": square}
    file = {
        "file": ("city.geojson", httpx.Response(200, json={"type": "FeatureCollection", "features": [feature]}).content)
    }
    done = door.post(
        "/api/v1/zones/import",
        files=file,
        data={"kind": "custom", "name_field": "NAME", "accept_warnings": "true"},
        headers=admin,
    )
    assert done.status_code == 201, done.text
    assert done.json()["imported"]["added"] == ["Old Town/East"]
    zone = door.get("/api/v1/zones/Old Town/East", headers=admin).json()
    assert zone["geometry"]["type"] == "Polygon"
    assert zone["properties"] | {"area_m2": 0, "hash": "", "id": 0} == {
        "id": 0,
        "kind": "custom",
        "name": "Old Town/East",
        "external_id": None,
        "version": 1,
        "area_m2": 0,
        "hash": "",
        "source": "city.geojson",
        "owner": "",
    }
    body = {"provider": "twilio", "address": "+15555550100", "rate_per_s": 10}
    made = door.post("/api/v1/senders", json=body, headers=admin).json()
    changed = door.patch(f"/api/v1/senders/{made['id']}", json={"status": "stopped"}, headers=admin).json()
    assert changed == made | {"status": "stopped", "note": "stopped by an operator"}
    assert door.get("/api/v1/senders", headers=admin).json() == {"senders": [changed]}
    assert asked.rows("SELECT action, operator_id IS NOT NULL AS known FROM audit WHERE subject = 'sender'") == [
        ("add", True),
        ("set", True),
    ]


def test_subscribers_are_told_in_numbers_only(door: httpx.Client, key: Key, city: datetime) -> None:
    counted = door.get("/api/v1/subscribers/count", headers=key()).json()
    assert 40 in counted.values()


def test_an_alert_for_later_is_scheduled_and_not_rung(
    door: httpx.Client, key: Key, senders: None, redis: "redis_client.Redis"
) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    number = post(door, "", key("author"), 201, DRAFT | {"launch_at": at.isoformat()})["id"]
    post(door, f"/{number}/approve", approver := key("approver"))
    assert post(door, f"/{number}/launch", approver)["state"] == "scheduled"
    assert redis.llen("emergency") == 0
    with transaction() as s:
        alert = s.get(Alert, number)
        assert alert is not None
        assert alert.launch_at == at
    assert settings().public_url in door.get(f"/api/v1/alerts/{number}/report", headers=approver).text


def test_a_time_whose_offset_or_instant_is_left_open_is_422(door: httpx.Client, key: Key, city: datetime) -> None:
    """02:30 is skipped when summer time begins, 01:30 comes twice when it ends."""
    author = key("author")
    for time, says in (("2027-03-14T02:30", "does not exist"), ("2027-11-07T01:30", "comes twice")):
        for name in ("launch_at", "expires_at"):
            told = post(door, "", author, 422, DRAFT | {name: time})
            assert name in str(told["errors"])
            assert "timezone" in str(told["errors"])
        told = post(door, "", author, 422, DRAFT | {"blanks": {"hazard": "wind", "starts": time}})
        assert says in str(told["errors"])
    assert asked.rows("SELECT id FROM alerts") == []


def test_an_alert_whose_time_has_passed_is_409_with_what_to_do(
    door: httpx.Client, operator: httpx.Client, key: Key, senders: None
) -> None:
    written = datetime.now(UTC) - timedelta(hours=5)
    with transaction() as s:
        late = {"now": written, "launch_at": written + timedelta(hours=1)}
        draft, ready = factories.alert_draft(s, **late).id, factories.alert_ready(s, **late).id
        soon = (written + timedelta(hours=1)).astimezone(settings().tz).isoformat(timespec="minutes")
        words = factories.alert_ready(s, now=written, blanks={"hazard": "wind", "starts": soon}).id
    approver = key("approver")
    for path in (f"/{draft}/approve", f"/{ready}/launch"):
        told = post(door, path, approver, 409)
        assert told["detail"].endswith("4 hours ago.")
        assert told["hint"] == "Cancel it and write it again, with a later launch or without one."
        assert "and nobody scheduled it" in operator.get(f"/console/alerts/{path.split('/')[1]}").text
    assert "nobody scheduled it" not in operator.get(f"/console/alerts/{words}").text
    told = post(door, f"/{words}/launch", approver, 409)
    assert "'starts'" in told["errors"][0]
    form = {"sure": "yes", "counted": "yes", "area_hash": asked.rows("SELECT area_hash FROM alerts LIMIT 1")[0][0]}
    assert "name times that have passed" in operator.post(f"/console/alerts/{words}/launch", data=form).text
    assert asked.rows("SELECT id FROM alerts WHERE launched_at IS NOT NULL") == []


def test_a_reason_is_told_in_words(operator: httpx.Client, key: Key, city: datetime) -> None:
    number = in_mixed_states(city)
    told = operator.get(f"/api/v1/alerts/{number}", headers=key()).json()["reason_words"]
    assert told["30005"] == "30005: the number is not in use"
    page = operator.get(f"/console/alerts/{number}").text
    assert "30005: the number is not in use" in page
    assert "Not verified" in page


def test_rest_tells_of_an_alert_what_the_command_and_the_console_know() -> None:
    assert [*AlertSummary.model_fields] == [field.name for field in fields(listing.AlertSummary)]
    assert {*AlertOut.model_fields} == {field.name for field in fields(reports.Progress)}

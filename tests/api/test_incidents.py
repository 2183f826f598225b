"""The page of an incident, its notes, and requests to warn."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from notify.alerts import incidents, lifecycle, warn_requests
from notify.core.db import transaction
from notify.core.errors import NotAllowed
from notify.core.settings import settings
from notify.operations.jobs import watch
from tests import factories
from tests.api import asked
from tests.api.test_now import part

Desk = Callable[[str], httpx.Client]
REQUEST = {"asked_by": "Engine 4, Cruz", "source": "field", "danger": "Levee leaks", "place": "Mill St", "decide": "30"}


def incident_of(alert: int) -> int:
    return asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=alert)


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_the_thread_has_alerts_notes_and_who_did_what(at_desk: Desk, city: datetime) -> None:
    first = factories.alert_launched(now=city, blanks={"hazard": "tornado"})
    incident = incident_of(first)
    client = at_desk("author")
    sent = client.post(f"/console/incidents/{incident}/notes", data={"words": "Siren 4 is <b>broken</b>."})
    assert (sent.status_code, sent.headers["location"]) == (303, f"/console/incidents/{incident}#thread")
    page = client.get(f"/console/incidents/{incident}").text
    assert "Siren 4 is &lt;b&gt;broken&lt;/b&gt;." in page
    assert "Note by author@tocsin.example.org" in words(page)
    assert f"Approved alert {first} by approver@tocsin.example.org" in words(page)
    assert "tornado" in words(page).lower()
    assert f'name="incident" value="{incident}"><button name="template" value="storm all-clear"' in page
    assert "Riverside custom" in words(page)
    assert f'href="/console/incidents/{incident}"' in client.get(f"/console/alerts/{first}").text
    assert client.get("/console/incidents/999").status_code == 404


def test_an_all_clear_is_the_last_word(at_desk: Desk, city: datetime) -> None:
    first = factories.alert_launched(now=city, expires_at=city + timedelta(hours=1))
    incident = incident_of(first)
    last = factories.alert_launched(now=city + timedelta(seconds=5), incident=incident, phase="all-clear")
    page = words(at_desk("author").get(f"/console/incidents/{incident}").text)
    assert f"Severe thunderstorm all-clear {last}" in page
    with transaction() as s:
        lifecycle.expire_due(s, city + timedelta(days=2))
    assert "The last word was an all-clear." in words(at_desk("author").get(f"/console/incidents/{incident}").text)


def test_a_note_sent_twice_is_one_and_an_empty_one_is_refused(at_desk: Desk, city: datetime) -> None:
    incident = incident_of(factories.alert_launched(now=city))
    client = at_desk("agent")
    form = {"words": "Road closed", "form": str(uuid4())}
    for _ in range(2):
        assert client.post(f"/console/incidents/{incident}/notes", data=form).status_code == 303
    assert asked.number("SELECT count(*) FROM incident_notes") == 1
    for bad, said in (({"words": " "}, "The note is empty."), ({"words": "x" * 2001}, "2,001 characters")):
        answer = client.post(f"/console/incidents/{incident}/notes", data=bad)
        assert answer.status_code == 422
        assert said in answer.text
    assert client.post(f"/console/incidents/{incident}/notes", data={"words": "x", "form": "y"}).status_code == 422
    assert client.post("/console/incidents/999/notes", data={"words": "x"}).status_code == 404


def test_a_request_runs_its_clock_until_an_alert_answers_it(at_desk: Desk, city: datetime) -> None:
    client = at_desk("agent")
    form = REQUEST | {"form": str(uuid4())}
    for _ in range(2):
        assert client.post("/console/requests", data=form).status_code == 303
    number = asked.number("SELECT id FROM warn_requests")
    factories.alert_launched(now=city)
    waiting = part(client.get("/console").text, "waiting")
    assert "Request to warn from Engine 4, Cruz, Mill St Levee leaks Not read back yet." in waiting
    assert "Not read back yet. open for 0 minutes decide by" in waiting
    assert client.post(f"/console/requests/{number}/read-back").status_code == 303
    assert client.post(f"/console/requests/{number}/read-back").status_code == 409
    assert "Not read back" not in part(client.get("/console").text, "waiting")
    assert client.post(f"/console/requests/{number}/decline", data={"why": "no"}).status_code == 403  # an agent
    client = at_desk("author")
    alert = factories.alert_launched(now=city)
    for wrong, status in (("", 422), ("x", 422), ("999", 404)):
        assert client.post(f"/console/requests/{number}/answer", data={"alert": wrong}).status_code == status
    assert client.post(f"/console/requests/{number}/answer", data={"alert": str(alert)}).status_code == 303
    assert client.post(f"/console/requests/{number}/decline", data={"why": "late"}).status_code == 409
    assert part(client.get("/console").text, "waiting") == ""
    assert "Request answered by author@tocsin.example.org" in words(
        client.get(f"/console/incidents/{incident_of(alert)}").text
    )


@pytest.mark.parametrize(
    ("status", "by", "closed_by"),
    [("Actual", "admin", "admin"), ("Actual", None, "approver"), ("Exercise", "admin", None)],
)
def test_the_launch_of_the_alert_written_for_a_request_answers_it(
    at_desk: Desk, city: datetime, status: str, by: str | None, closed_by: str | None
) -> None:
    """Whoever launches it; the schedule does so for its approver. An exercise answers nobody."""
    client = at_desk("author")
    assert client.post("/console/requests", data=REQUEST).status_code == 303
    number = asked.number("SELECT id FROM warn_requests")
    assert f'href="/console/compose?asked={number}"' in client.get("/console/requests").text
    page = client.get(f"/console/compose?asked={number}").text
    assert f'<input type="hidden" name="asked" value="{number}">' in page
    form = {"template": "storm issue", "asked": str(number)}
    draft = client.post("/console/compose", data=form).headers["location"].rpartition("/")[2]
    with transaction() as s:
        alert = factories.alert_ready(s, now=city, status=status).id
    asked.do("UPDATE working_drafts SET alert_id = :alert WHERE id = :draft", alert=alert, draft=int(draft))
    assert asked.number("SELECT count(*) FROM warn_requests WHERE closed_at IS NULL") == 1, "approved is not launched"
    with transaction() as s:
        who = factories.operator(s, by, now=city) if by else None
        if who and status == "Exercise":
            who.exercising = True
        lifecycle.launch(s, alert, who, city)
    closed = asked.rows("SELECT r.alert_id, o.role FROM warn_requests r JOIN operators o ON o.id = r.closed_by")
    assert [tuple(one) for one in closed] == ([(alert, closed_by)] if closed_by else [])
    noted = asked.number("SELECT count(*) FROM audit WHERE subject = 'warn_request' AND action = 'answer'")
    assert noted == len(closed)


def test_a_draft_answers_a_request_that_there_is(at_desk: Desk, city: datetime) -> None:
    for wrong, status in (("7", 404), ("x", 422)):
        sent = at_desk("author").post("/console/compose", data={"template": "storm issue", "asked": wrong})
        assert sent.status_code == status


def test_a_request_that_was_declined_stays_so(at_desk: Desk, city: datetime) -> None:
    client = at_desk("author")
    client.post("/console/requests", data=REQUEST)
    number = asked.number("SELECT id FROM warn_requests")
    client.post("/console/compose", data={"template": "storm issue", "asked": str(number)})
    with transaction() as s:
        alert = factories.alert_ready(s, now=city).id
    asked.do("UPDATE working_drafts SET alert_id = :alert", alert=alert)
    assert client.post(f"/console/requests/{number}/decline", data={"why": "It was fog."}).status_code == 303
    with transaction() as s:
        lifecycle.launch(s, alert, factories.operator(s, now=city), city)
    assert asked.rows("SELECT alert_id, declined FROM warn_requests") == [(None, "It was fog.")]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"asked_by": ""}, "Who asks is missing."),
        ({"danger": "\u200b "}, "What the danger is is missing."),
        ({"place": "x" * 501}, "Where has 501 characters."),
        ({"source": "owl"}, "There is no source"),
        ({"decide": "soon"}, "is not a number"),
        ({"decide": "99999"}, "at most a day"),
        ({"incident": "77"}, "There is no incident 77."),
        ({"form": "x"}, "no valid id"),
    ],
)
def test_a_bad_request_names_the_field_and_keeps_the_rest(at_desk: Desk, wrong: dict[str, str], said: str) -> None:
    answer = at_desk("author").post("/console/requests", data=REQUEST | wrong)
    assert answer.status_code in {404, 422}
    assert said in answer.text
    if "danger" not in wrong:
        assert "Levee leaks" in answer.text
    assert asked.number("SELECT count(*) FROM warn_requests") == 0


def test_the_domain_refuses_those_who_may_not(database: str) -> None:
    with transaction() as s:
        agent = factories.operator(s, "agent")
        wanted = warn_requests.Asked("A", "911", "B", "C", None, None, uuid4())
        taken = warn_requests.take(s, wanted, agent, factories.NOW)
        for act in (
            lambda: warn_requests.answer(s, taken.id, 1, agent, factories.NOW),
            lambda: warn_requests.decline(s, taken.id, "no", agent, factories.NOW),
        ):
            with pytest.raises(NotAllowed):
                act()
        agent.key_scopes = frozenset({"read"})
        with pytest.raises(NotAllowed):
            warn_requests.read_back(s, taken.id, agent, factories.NOW)
        with pytest.raises(NotAllowed):
            incidents.add_note(s, 1, "x", uuid4(), agent, factories.NOW)
        with pytest.raises(NotAllowed):
            warn_requests.take(s, wanted, agent, factories.NOW)


def alarms_of(kind: str) -> list[str]:
    return [row[0] for row in asked.rows("SELECT message FROM alarms WHERE kind = :k AND resolved_at IS NULL", k=kind)]


def test_the_watch_asks_before_an_emergency_ends_and_when_a_decision_is_due(at_desk: Desk, city: datetime) -> None:
    early = city - timedelta(hours=3)
    ends = factories.alert_launched(now=early, expires_at=city + timedelta(minutes=40))
    factories.alert_launched(now=early, event="snow", expires_at=city + timedelta(minutes=40))  # may end by itself
    factories.alert_launched(now=early, expires_at=city + timedelta(hours=4))
    with transaction() as s:
        wanted = warn_requests.Asked("A", "911", "B", "C", timedelta(minutes=5), None, uuid4())
        warn_requests.take(s, wanted, factories.operator(s), city - timedelta(minutes=9))
    watch.run()
    assert [message.split(" (")[0] for message in alarms_of("expires-soon")] == [f"Alert {ends}"]
    assert f"/console/incidents/{incident_of(ends)}" in alarms_of("expires-soon")[0]
    assert asked.rows("SELECT DISTINCT alert_id FROM direct_messages WHERE kind = 'expiry'") == [(ends,)]
    assert "Request to warn" in alarms_of("decision-due")[0]
    number = asked.number("SELECT id FROM alarms WHERE kind = 'expires-soon'")
    assert at_desk("author").post(f"/console/alarms/{number}/resolve").status_code == 303
    asked.do("UPDATE warn_requests SET declined = 'no', closed_at = now(), closed_by = taken_by")
    watch.run()
    assert alarms_of("expires-soon") == alarms_of("decision-due") == []  # looked at, and over


def test_the_watch_asks_before_a_promised_time_passes(at_desk: Desk, city: datetime) -> None:
    promised = (city + timedelta(minutes=20)).isoformat(timespec="minutes")
    number = factories.alert_launched(
        now=city - timedelta(hours=3),
        event="outage",
        blanks={"utility": "power", "restore_by": promised},
        expires_at=city + timedelta(hours=9),
    )
    watch.run()
    assert "promises residents news by" in alarms_of("expires-soon")[0]
    assert "promised news by" in part(at_desk("author").get("/console").text, "waiting")
    factories.alert_launched(now=datetime.now(UTC), event="outage", phase="all-clear", incident=incident_of(number))
    watch.run()
    assert alarms_of("expires-soon") == []


def test_the_unreached_are_reached_by_one_click(at_desk: Desk, city: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SENDGRID_API_KEY", "TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID"):
        monkeypatch.setenv(f"TOCSIN_{name}", "x")
    settings.cache_clear()
    with transaction() as s:
        factories.sender(s, "sendgrid", now=city)
    first = factories.alert_resolved(now=city)
    asked.do("UPDATE deliveries SET state = 'undelivered', reason = '30005' WHERE state = 'queued'")
    client = at_desk("author")
    assert "Reach the unreached" in client.get(f"/console/alerts/{first}").text
    done = client.post(f"/console/alerts/{first}/unreached")
    follow = asked.number("SELECT id FROM alerts WHERE follows = :a", a=first)
    assert (done.status_code, done.headers["location"]) == (303, f"/console/alerts/{follow}")
    assert f'href="/console/alerts/{first}"' in client.get(f"/console/alerts/{follow}").text
    again = client.post(f"/console/alerts/{first}/unreached")
    assert (again.status_code, f"Alert {follow} follows alert {first} already." in again.text) == (409, True)
    assert "Reach the unreached" not in again.text


def test_the_page_of_an_alert_shows_the_rate_and_the_time_left(at_desk: Desk, city: datetime) -> None:
    number = factories.alert_resolved(now=city)
    waiting = asked.number("SELECT count(*) FROM deliveries WHERE state = 'queued'")
    asked.do(
        """UPDATE deliveries SET state = 'accepted', sent_at = now() + (n - 1) * interval '5 s'
             FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM deliveries WHERE state = 'queued' LIMIT 11) q
            WHERE q.id = deliveries.id"""
    )
    page = words(at_desk("author").get(f"/console/alerts/{number}").text)
    assert "Rate 0.2 a second" in page  # eleven in 50 s
    left_s = (waiting - 11) * 50 / 11
    assert left_s > 60
    assert f"Left {math.ceil(left_s / 60)} min" in page

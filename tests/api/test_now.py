"""The console's first page: what is in force, what waits for whom, and what it costs."""

import re
import statistics
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from time import perf_counter

import httpx
import pytest
from sqlalchemy import event, text

from api.console import now
from notify.alerts import claims, lifecycle, situation
from notify.core import db
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import sender_status
from notify.operations import tasks
from tests import factories
from tests.api import asked
from tests.owner import as_owner

Desk = Callable[[str], httpx.Client]


def part(page: str, name: str) -> str:
    """One part of the page, without tags and with single spaces."""
    inside = re.split(r'<div id="now-', page.split(f'id="now-{name}"')[1].partition(">")[2])[0]
    return " ".join(re.sub(r"<[^>]+>", " ", inside).split())


def test_an_empty_city_is_told_what_to_do_first(at_desk: Desk) -> None:
    page = at_desk("admin").get("/console").text
    assert "All is calm" in page
    assert "To do: zones." in re.sub(r"</?strong>", "", page)
    with transaction() as s:
        factories.zone(s, now=datetime.now(UTC))
    assert "Done: zones." in re.sub(r"</?strong>", "", at_desk("admin").get("/console").text)


def test_an_empty_city_links_the_pages_to_those_who_may_use_them(at_desk: Desk) -> None:
    administers = at_desk("admin")
    page = administers.get("/console").text
    for link in ("/console/zones/import", "/console/operators"):
        assert link in re.findall(r'href="([^"]+)"', first_steps(page))
        assert administers.get(link).status_code == 200
    author = first_steps(at_desk("author").get("/console").text)
    assert "href" not in author
    assert "Ask an administrator" in author


def first_steps(page: str) -> str:
    return page.split('<div class="calm first-steps">')[1].split("</div>")[0]


def test_every_item_stands_in_its_place_and_links_to_its_alert(at_desk: Desk, city: datetime) -> None:
    force, practice = factories.alert_launched(now=city), factories.alert_launched(now=city, status="Exercise")
    with transaction() as s:
        draft = factories.alert_draft(s, now=city).id
        ready = factories.alert_ready(s, now=city, launch_at=city + timedelta(hours=1)).id
        planned = factories.alert_ready(s, now=city, launch_at=city + timedelta(hours=1)).id
        lifecycle.launch(s, planned, None, city)
    page = at_desk("approver").get("/console").text
    for number, kind in (
        (force, "force"), (practice, "force"), (draft, "approve"), (ready, "launch"), (planned, "planned"),
    ):  # fmt: skip
        assert f'id="{kind}-{number}" href="/console/alerts/{number}"' in page
    assert part(page, "standing").startswith("In force 1 Wait for you 2 Being sent 2")
    assert "once somebody schedules it" in part(page, "waiting")
    assert f'id="planned-{ready}"' not in page
    agent = at_desk("agent").get("/console").text
    assert f'id="planned-{ready}"' in agent, "an agent may not launch it"
    assert f'id="launch-{ready}"' not in agent
    assert f"Incident {asked.number('SELECT incident_id FROM alerts WHERE id = :id', id=force)}" in part(page, "force")
    assert "Exercises and tests" in part(page, "force")
    author = asked.rows("SELECT email FROM operators o JOIN alerts a ON a.created_by = o.id WHERE a.id = :a", a=draft)[
        0
    ].email
    assert f"by {author}" in part(page, "waiting")
    assert re.search(r"\b(Emergency|Routine) , written", part(page, "waiting"))
    assert 'class="area rehearsed"' in page
    assert "Exercise or test" in part(page, "map")
    compose = at_desk("author").get("/console/compose").text
    assert "practice-badge" in compose


def test_what_quiet_hours_and_digests_hold_is_said_to_wait_for_its_hour_and_for_no_sender(
    at_desk: Desk, city: datetime
) -> None:
    with transaction() as s:
        factories.sender(s)
        factories.sender(s, "sendgrid")
    factories.alert_resolved(now=city, channels=("sms", "email"))
    eight = datetime(2027, 1, 13, 13, tzinfo=UTC)
    as_owner("UPDATE batches SET state = 'held', held_until = :eight, digest = channel = 'email'", eight=eight)
    page = at_desk("approver").get("/console").text
    sending = part(page, "sending")
    assert re.search(r"\d+ wait for the end of quiet hours, at (13 Jan, )?8:00", sending), sending
    assert re.search(r"\d+ wait for a daily or weekly digest", sending), sending
    assert " waiting" not in part(page, "senders")


def test_an_all_clear_and_what_it_replaces_do_not_count_as_in_force(at_desk: Desk, city: datetime) -> None:
    first = factories.alert_launched(now=city)
    asked.do("UPDATE alerts SET state = 'sent', finished_at = launched_at WHERE id = :id", id=first)
    factories.alert_launched(
        now=city, incident=asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=first), phase="all-clear"
    )
    page = at_desk("approver").get("/console").text
    assert part(page, "standing").startswith("In force 0")
    force = part(page, "force")
    assert force.startswith("In force No alert is in force. All-clears")
    assert part(page, "replaced").startswith("Replaced 1 alert Severe thunderstorm alert")


def in_two_zones(now: datetime) -> tuple[int, int]:
    """A danger in Riverside and in the Docks: the alert, and its incident."""
    with transaction() as s:
        factories.zone(s, "Docks", factories.square(2, 0))
    first = factories.alert_launched(now=now, zones=("Riverside", "Docks"))
    return first, asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=first)


def test_a_danger_that_was_replaced_and_ended_is_none_though_something_new_is_said_elsewhere(city: datetime) -> None:
    """The first later alert is the update; that an all-clear came after it counts all the same."""
    first, incident = in_two_zones(city)
    asked.do("UPDATE alerts SET state = 'sent', finished_at = launched_at")  # or the all-clear would cancel it
    for n, (phase, zones) in enumerate(
        (("update", ("Riverside", "Docks")), ("all-clear", ("Riverside", "Docks")), ("update", ("Docks",))), 1
    ):
        now = city + timedelta(seconds=n)  # what was written before an all-clear does not go out after it
        factories.alert_launched(now=now, incident=incident, phase=phase, zones=zones)
    with transaction() as s:
        assert [one.is_danger for one in situation.read(s, now).items if one.id == first] == [False]


def test_an_all_clear_to_a_part_leaves_the_danger_in_force_elsewhere(at_desk: Desk, city: datetime) -> None:
    first, incident = in_two_zones(city)
    factories.alert_launched(now=city, incident=incident, phase="all-clear", zones=("Docks",))
    desk = at_desk("approver")
    page = desk.get("/console").text
    assert part(page, "standing").startswith("In force 1")
    assert f'id="force-{first}"' in page
    assert [one["properties"]["look"] for one in desk.get("/console/map/in-force").json()["features"]] == [
        "clear", "emergency",
    ]  # fmt: skip
    assert "The danger is over" not in desk.get(f"/console/alerts/{first}").text
    thread = desk.get(f"/console/incidents/{incident}").text
    assert ">All clear<" in thread
    assert "The last word was an all-clear" not in thread
    factories.alert_launched(now=city, incident=incident, phase="all-clear", zones=("Riverside", "Docks"))
    page = desk.get("/console").text
    assert part(page, "standing").startswith("In force 0")
    assert "The danger is over" in desk.get(f"/console/alerts/{first}").text
    assert ">All clear<" not in desk.get(f"/console/incidents/{incident}").text


def test_an_update_to_a_part_leaves_the_first_alert_in_force_elsewhere(at_desk: Desk, city: datetime) -> None:
    first, incident = in_two_zones(city)
    factories.alert_launched(now=city, incident=incident, phase="update", zones=("Docks",))
    factories.alert_launched(now=city, incident=incident, phase="all-clear", zones=("Docks",))
    desk = at_desk("approver")
    page = desk.get("/console").text
    assert part(page, "standing").startswith("In force 1")
    assert f'id="force-{first}"' in page
    assert ">All clear<" in desk.get(f"/console/incidents/{incident}").text
    assert ">All clear<" in desk.get(f"/console/alerts/{first}").text


def test_a_draft_waits_for_those_who_may_approve_it(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        draft = factories.alert_draft(s, now=city).id
    assert f'id="approve-{draft}"' in at_desk("approver").get("/console").text
    page = at_desk("author").get("/console").text
    assert f'id="approve-{draft}"' not in page
    assert f'id="draft-{draft}"' in page


def test_one_does_not_approve_ones_own_emergency(database: str) -> None:
    with transaction() as s:
        factories.zone(s)
        emergency = factories.alert_draft(s)
        author = factories.operator(s, "author")
        author.role = "admin"
        found = situation.read(s, factories.NOW)
        assert [one.id for one in found.for_approval(author)] == []
        assert [one.id for one in found.for_approval(factories.operator(s, "approver"))] == [emergency.id]
        routine = factories.alert_draft(s, event="snow")
        found = situation.read(s, factories.NOW)
        assert [one.id for one in found.for_approval(author)] == ([routine.id] if not routine.two_people else [])


def test_zones_beside_a_danger_have_no_message_until_they_get_one(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        factories.zone(s, "Harbor", factories.square(1, 0), now=city)  # beside Riverside
        factories.zone(s, "Hilltop", factories.square(4, 0), now=city)
    flood = factories.alert_launched(now=city - timedelta(minutes=12), expires_at=city + timedelta(hours=5))
    gaps = part(at_desk("author").get("/console").text, "gaps")
    assert gaps.startswith("Beside a danger, without a message Harbor custom zone beside alert")
    assert "12 minutes since" in gaps
    assert "Hilltop" not in gaps
    factories.alert_launched(now=city, event="snow", zones=("Harbor",))
    assert "Harbor" in part(at_desk("author").get("/console").text, "gaps")  # a routine notice warns of no danger
    told = factories.alert_launched(now=city, zones=("Harbor",))
    page = at_desk("author").get("/console").text
    assert part(page, "gaps") == ""
    assert 'id="zone-' in page
    assert f'href="/console/alerts/{told}"' in page
    with transaction() as s:
        lifecycle.cancel(s, told, None, datetime.now(UTC))
    assert "Harbor" in part(at_desk("author").get("/console").text, "gaps")
    first = asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=flood)
    factories.alert_launched(now=city, incident=first, phase="all-clear")
    assert part(at_desk("author").get("/console").text, "gaps") == ""


def test_a_zone_without_a_message_shows_who_has_taken_it(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        factories.zone(s, "Harbor", factories.square(1, 0), now=city)
    flood = factories.alert_launched(now=city - timedelta(minutes=12), expires_at=city + timedelta(hours=5))
    incident = asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=flood)
    with transaction() as s:
        claims.take(s, incident, "Harbor", factories.operator(s, "agent", now=city), city - timedelta(minutes=4))
    assert "Harbor: taken by agent@tocsin.example.org, 4 minutes" in part(
        at_desk("author").get("/console").text, "gaps"
    )
    with transaction() as s:
        claims.release(s, incident, claims.of(s, incident)[0].id, factories.operator(s, now=city), city)
    gaps = part(at_desk("author").get("/console").text, "gaps")
    assert "Harbor" in gaps
    assert "taken by" not in gaps


def test_an_alert_that_ends_soon_asks_for_an_update_or_an_all_clear(at_desk: Desk, city: datetime) -> None:
    number = factories.alert_launched(now=city - timedelta(hours=3), expires_at=city + timedelta(minutes=50))
    waiting = at_desk("author").get("/console").text
    incident = asked.number("SELECT incident_id FROM alerts")
    for phase in ("update", "all-clear"):
        button = f'name="incident" value="{incident}"><button name="template" value="storm {phase}"'
        assert button in waiting
    assert "ends in 50 minutes" in part(waiting, "waiting")
    with transaction() as s:
        lifecycle.cancel(s, number, None, datetime.now(UTC))
    assert part(at_desk("author").get("/console").text, "waiting") == ""


def test_senders_show_their_cap_breaker_backlog_and_last_test(at_desk: Desk, city: datetime) -> None:
    number = factories.alert_resolved(now=city, status="Test")
    day = datetime.now(UTC).astimezone(sender_status.CAP_DAY).date().isoformat()
    asked.do("UPDATE senders SET daily_cap = 1000")
    sender = asked.number("SELECT id FROM senders")
    client = tasks.redis_client()
    client.hset(f"tocsin:sender:{sender}", mapping={"day": day, "counted": day, "used": 400})
    asked.do("UPDATE predictions SET was_p95_at = now(), measured = true")
    shown = part(at_desk("author").get("/console").text, "senders")
    assert "600 of 1,000 left today" in shown
    assert re.search(r"\d+ waiting", shown)
    assert f"Last good test {datetime.now(UTC).astimezone(settings().tz):%-d %b}" in shown
    assert f"alert {number}" in shown
    client.hset(f"tocsin:sender:{sender}", mapping={"broken": "1700000000000000", "why": "503"})
    assert "The provider fails since" in part(at_desk("author").get("/console").text, "senders")
    asked.do("UPDATE senders SET status = 'stopped', note = 'account suspended'")
    shown = part(at_desk("author").get("/console").text, "senders")
    assert "cannot send" in shown
    assert "Stopped: account suspended" in shown


def test_a_channel_names_the_alert_that_is_being_sent(at_desk: Desk, city: datetime) -> None:
    """When its messages left is only known once all are settled: until then it is not said that none has been sent."""
    factories.alert_launched(now=city)
    assert "No alert has been sent." in part(at_desk("author").get("/console").text, "senders"), "nobody is written to"
    number = factories.alert_resolved(now=city)
    shown = part(at_desk("author").get("/console").text, "senders")
    assert f"Being sent: alert {number} ." in shown
    assert "No alert has been sent." not in shown
    asked.do("UPDATE alerts SET state = 'sent', finished_at = now() WHERE id = :id", id=number)
    asked.do("UPDATE predictions SET was_p95_at = now(), measured = true")
    shown = part(at_desk("author").get("/console").text, "senders")
    assert "Being sent" not in shown
    assert re.search(rf"Last sent \S.* alert {number} ", shown)


def test_311_agents_see_no_small_numbers_of_messages(at_desk: Desk, city: datetime) -> None:
    person = asked.number("SELECT min(id) FROM contacts")
    asked.do("INSERT INTO consents (contact_id, kind, at, how) VALUES (:c, 'opt-out', now(), 'a test')", c=person)
    factories.alert_launched(now=city)
    assert "Last 24 hours 1 " in part(at_desk("author").get("/console").text, "senders")
    assert "Last 24 hours fewer than 10 " in part(at_desk("agent").get("/console").text, "senders")


def test_what_changes_is_streamed_and_nothing_else(at_desk: Desk, city: datetime) -> None:
    client = at_desk("author")
    factories.alert_launched(now=city)
    stream_of = re.search(r'sse-connect="([^"]+)"', client.get("/console").text)
    assert stream_of is not None
    with client.stream("GET", stream_of[1]) as stream:
        with transaction() as s:
            draft = factories.alert_draft(s, now=city).id
        events = []
        for line in stream.iter_lines():
            if line.startswith("event: "):
                events.append(line[7:])
            if f"draft-{draft}" in line:
                break
    assert events == ["drafts"]
    assert client.get("/console/events", headers={"Cookie": "tocsin=forged"}).status_code == 303


def test_twenty_who_watch_cost_one_look(city: datetime) -> None:
    looks: list[str] = []

    def note(conn: object, cursor: object, statement: str, *_: object) -> None:
        looks.extend(["look"] if "WITH open AS" in statement else [])

    event.listen(db.engine(), "before_cursor_execute", note)
    with ThreadPoolExecutor(20) as watchers:
        seen = list(watchers.map(lambda _: now.shared().get(), range(20)))
    event.remove(db.engine(), "before_cursor_execute", note)
    assert len(looks) == 1
    assert all(one is seen[0] for one in seen)


def test_no_statement_reads_all_residents_or_deliveries(at_desk: Desk, city: datetime) -> None:
    """The statements of the page, as PostgreSQL plans them when it may use its indexes."""
    factories.alert_launched(now=city)
    factories.alert_resolved(now=city)
    said: list[tuple[str, object]] = []

    def note(conn: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        said.append((statement, parameters))

    event.listen(db.engine(), "before_cursor_execute", note)
    at_desk("author").get("/console")
    event.remove(db.engine(), "before_cursor_execute", note)
    asked_of = [(sql, values) for sql, values in said if sql.lstrip().upper().startswith(("SELECT", "WITH"))]
    assert len(asked_of) > 8
    with transaction() as s:
        s.execute(text("SET LOCAL enable_seqscan = off"))
        for sql, values in asked_of:
            plan = "\n".join(row[0] for row in s.connection().exec_driver_sql(f"EXPLAIN {sql}", values))
            assert "deliveries" not in plan, plan
            assert not re.search(r"Seq Scan on (subscribers|contacts|consents|places|alerts)\b", plan), plan


@pytest.mark.timed
def test_the_page_is_quick_with_500_past_alerts_and_20_drafts(at_desk: Desk, city: datetime) -> None:
    number = factories.alert_resolved(now=city)
    factories.alert_launched(now=city)
    with transaction() as s:
        for _ in range(20):
            factories.alert_draft(s, now=city)
    kept = asked.rows(
        """SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns
            WHERE table_name = 'alerts' AND table_schema = 'public' AND column_name <> ALL(:moved)""",
        moved=["id", "state", "created_at", "approved_at", "launched_at", "expires_at", "finished_at"],
    )[0][0]
    asked.do(
        f"""INSERT INTO alerts (state, created_at, approved_at, launched_at, finished_at, expires_at, {kept})
            SELECT 'sent', now() - interval '5 days', now() - interval '4 days', now() - interval '4 days',
                   now() - interval '3 days', now() - interval '2 days', {kept}
              FROM alerts, generate_series(1, 500) WHERE id = :id""",
        id=number,
    )
    client = at_desk("approver")
    assert client.get("/console").status_code == 200  # the first one compiles the page and its statements
    took_s = []
    for _ in range(100):
        began_s = perf_counter()
        assert client.get("/console").status_code == 200
        took_s.append(perf_counter() - began_s)
    assert statistics.quantiles(took_s, n=20)[-1] <= 0.15, sorted(took_s)


def test_the_city_map_has_what_the_page_has(at_desk: Desk, city: datetime) -> None:
    """Areas in force with their looks, the most urgent last; no draft, nothing replaced."""
    practice, danger = factories.alert_launched(now=city, status="Exercise"), factories.alert_launched(now=city)
    with transaction() as s:
        factories.alert_draft(s, now=city)
    desk = at_desk("agent")
    found = desk.get("/console/map/in-force").json()["features"]
    assert [(one["properties"]["alert"], one["properties"]["look"]) for one in found] == [
        (practice, "rehearsed"), (danger, "emergency"),
    ]  # fmt: skip
    assert found[0]["geometry"]["type"] in ("Polygon", "MultiPolygon")
    page = desk.get("/console/map").text
    assert page.index(f'href="/console/alerts/{danger}"') < page.index(f'href="/console/alerts/{practice}"')


def test_warn_them_opens_an_update_that_adds_their_zones(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        harbor = factories.zone(s, "Harbor", factories.square(1, 0), now=city).id
    first = factories.alert_launched(now=city, zones=("Riverside",), severity="Extreme", urgency="Immediate")
    desk = at_desk("author")
    form = desk.get("/console").text.split(f'id="warn-{first}"')[0].rpartition("<form")[2]
    fields = [(name, value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)]
    assert ("zone", str(harbor)) in fields
    opened = desk.post("/console/compose", data=dict(fields))
    ticked = re.findall(r'name="zone\.(\d+)"[^>]* checked', desk.get(opened.headers["location"]).text)
    riverside = asked.number("SELECT id FROM zones WHERE name = 'Riverside'")
    assert {int(number) for number in ticked} == {harbor, riverside}

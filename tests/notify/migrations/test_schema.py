"""What the database refuses, whatever the code does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from notify.alerts import lifecycle
from notify.core.db import transaction
from notify.models import Alert
from tests.factories import NOW, alert_draft, alert_ready, operator, resident, sender, zone
from tests.owner import owning

pytestmark = pytest.mark.usefixtures("database")


def refused(statement: str, match: str, **values: Any) -> None:
    """Even to the owner of the tables, who may do all that no rule forbids. Each in a transaction: an error ends it."""
    with pytest.raises(DBAPIError, match=match), owning() as s:
        s.execute(text(statement), values)


@pytest.fixture
def launched(database: str) -> int:
    with transaction() as s:
        zone(s)
        alert = alert_ready(s)
        lifecycle.launch(s, alert.id, operator(s, "approver"), NOW)
        return alert.id


@pytest.mark.parametrize("moment", ["9999-12-31 23:59:59-12", "infinity"])
@pytest.mark.parametrize("column", ["launch_at", "expires_at"])
def test_a_time_that_cannot_be_read_again_is_not_kept(database: str, column: str, moment: str) -> None:
    with transaction() as s:
        zone(s)
        alert_draft(s)
    refused(f"UPDATE alerts SET {column} = '{moment}'", f"{column}_readable")


def test_a_rate_that_no_plan_can_be_made_with_is_not_kept(database: str) -> None:
    with transaction() as s:
        sender(s)
    refused("UPDATE senders SET rate_per_s = 5e-324", "rate_plannable")


FROZEN = {
    "event": "'snow'",
    "topic": "'snow'",
    "lane": "'routine'",
    "msg_type": "'Cancel'",
    "status": "'Test'",
    "severity": "'Minor'",
    "channels": "'{email}'",
    "blanks": "'{}'",
    "area": r"'\x00'",
    "area_hash": "'x'",
    "area_description": "'elsewhere'",
    "area_names": """'{"en": "elsewhere"}'""",
    "launch_at": "now()",
    "expires_at": "expires_at + interval '1 hour'",
    "two_people": "two_people || '{event}'",
    "created_by": "approved_by",
    "approved_by": "created_by",
    "approved_at": "now()",
    "approved_hash": "'x'",
    "launched_at": "NULL",
}


@pytest.mark.parametrize("column", FROZEN)
def test_a_launched_alert_is_frozen(launched: int, column: str) -> None:
    refused(f"UPDATE alerts SET {column} = {FROZEN[column]}", "never change")


def test_a_launched_alert_stays_and_may_still_be_paused(launched: int) -> None:
    refused("DELETE FROM alerts", "never change")
    with transaction() as s:
        assert lifecycle.pause(s, launched, operator(s, "approver"), NOW).state == "paused"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE contents SET text = 'other words'",
        "DELETE FROM contents",
        "INSERT INTO contents SELECT alert_id, channel, 'fr', '', 'autres mots', '', 1 FROM contents LIMIT 1",
    ],
)
def test_the_words_of_a_launched_alert_are_frozen(launched: int, statement: str) -> None:
    refused(statement, "its words never change")


def test_words_cannot_be_moved_into_a_launched_alert(launched: int) -> None:
    with transaction() as s:
        other = alert_draft(s).id
    refused(
        "UPDATE contents SET alert_id = :to, language = 'fr' WHERE alert_id = :other AND language = 'es'",
        "its words never change",
        to=launched,
        other=other,
    )


def test_words_cannot_change_while_their_alert_is_being_launched() -> None:
    with transaction() as s:
        zone(s)
        alert_id = alert_ready(s).id
    with transaction() as launching:
        lifecycle.launch(launching, alert_id, operator(launching, "approver"), NOW)
        refused("SET LOCAL lock_timeout = '100ms'; UPDATE contents SET text = 'other words'", "lock timeout")


def test_a_draft_can_still_be_changed() -> None:
    with transaction() as s:
        zone(s)
        alert_draft(s)
    with owning() as s:
        s.execute(text("UPDATE contents SET text = 'better words'"))
        s.execute(text("UPDATE alerts SET severity = 'Extreme'"))


@pytest.mark.parametrize("table", ["audit", "consents", "zone_versions"])
@pytest.mark.parametrize("change", ["UPDATE {} SET id = DEFAULT", "DELETE FROM {}"])
def test_facts_never_change(table: str, change: str) -> None:
    with transaction() as s:
        zone(s)
        resident(s)
    refused(change.format(table), f"{table} rows are facts and never change")


def set_on_draft(s: Session, assignments: str) -> None:
    s.execute(text(f"UPDATE alerts SET {assignments}"))


APPROVED = "approved_at = now(), approved_hash = 'x'"


@pytest.mark.parametrize(
    "assignments",
    [
        f"state = 'approved', approved_by = created_by, {APPROVED}",  # an emergency, by its author
        "state = 'approved'",
        "state = 'sent'",
        "launched_at = now()",
        "area = NULL",
        "area = NULL, area_hash = NULL, launched_at = now(), approved_hash = 'x'",
        "expires_at = created_at",
        "launch_at = expires_at",
        "two_people = '{}'",  # of an emergency
        f"lane = 'routine', two_people = '{{event}}', state = 'approved', approved_by = created_by, {APPROVED}",
        "channels = '{}'",
        "severity = 'Terrible'",
        "status = 'Real'",
        "msg_type = 'Ack'",
        "category = 'Weather'",
    ],
)
def test_an_alert_that_makes_no_sense_is_refused(assignments: str) -> None:
    with transaction() as s:
        zone(s)
        assert alert_draft(s).lane == "emergency"
    refused(f"UPDATE alerts SET {assignments}", "violates check constraint")


def test_a_routine_alert_may_be_approved_by_its_author() -> None:
    with transaction() as s:
        zone(s)
        alert_draft(s, event="snow")
        set_on_draft(s, f"state = 'approved', approved_by = created_by, {APPROVED}")


def test_a_contact_gets_an_alert_once(launched: int) -> None:
    with transaction() as s:
        tom = resident(s)
        s.execute(
            text("INSERT INTO deliveries (alert_id, contact_id, state, reason) VALUES (:a, :c, 'skipped', 'muted')"),
            {"a": launched, "c": tom.sms},
        )
    refused(
        "INSERT INTO deliveries (alert_id, contact_id, state, reason) SELECT alert_id, contact_id, state, reason"
        " FROM deliveries",
        "duplicate key",
    )


@pytest.mark.parametrize(
    "values", ["'skipped', NULL", "'queued', NULL", "'failed', NULL", "'failed', '30003'", "'unknown', 'timeout'"]
)
def test_a_delivery_has_a_batch_or_was_skipped_and_an_end_has_a_reason(launched: int, values: str) -> None:
    with transaction() as s:
        resident(s)
    refused(
        f"INSERT INTO deliveries (alert_id, contact_id, state, reason) SELECT {launched}, id, {values} FROM contacts",
        "violates check constraint",
    )


def add_suppression(s: Session, topic: str | None) -> None:
    s.execute(
        text("""INSERT INTO suppressions (channel, address_index, topic, reason, at)
                VALUES ('sms', sha256('x'), CAST(:topic AS topic), 'opt-out', now())"""),
        {"topic": topic},
    )


@pytest.mark.parametrize("topic", [None, "snow"])
def test_a_suppression_is_there_once(topic: str | None) -> None:
    with transaction() as s:
        add_suppression(s, topic)
    with pytest.raises(IntegrityError), transaction() as s:
        add_suppression(s, topic)


BROKEN: dict[str, tuple[str, Callable[[Session], object]]] = {
    "a point that is no block": ("UPDATE places SET point_sealed = 'short'", resident),
    "a cell that is none": ("UPDATE places SET cell_index = 'short'", resident),
    "a place that reaches too far": ("UPDATE places SET radius_m = 60000", resident),
    "the same place twice": (
        "INSERT INTO places (subscriber_id, label, point_sealed, cell_index, created_at)"
        " SELECT subscriber_id, label, point_sealed, cell_index, created_at FROM places",
        resident,
    ),
    "a language that is none": ("UPDATE subscribers SET language = 'English, please'", resident),
    "a contact of nobody": ("UPDATE contacts SET subscriber_id = NULL", resident),
    "a resident's contact with a language": ("UPDATE contacts SET language = 'en'", resident),
    "an index in clear": ("UPDATE contacts SET address_index = '+12155550100'", resident),
    "a rate of nothing": ("UPDATE senders SET rate_per_s = 0", sender),
    "a sender half open": ("UPDATE senders SET status = 'ajar'", sender),
    "the same sender twice": (
        "INSERT INTO senders (channel, provider, address, rate_per_s, created_at)"
        " SELECT channel, provider, address, 1, now() FROM senders",
        sender,
    ),
    "a role that is none": ("UPDATE operators SET role = 'mayor'", operator),
    "a zone with a blank name": ("UPDATE zones SET name = ' '", zone),
    "a zone kind that is none": ("UPDATE zones SET kind = 'country'", zone),
}


@pytest.mark.parametrize("what", BROKEN)
def test_it_refuses(what: str) -> None:
    statement, make = BROKEN[what]
    with transaction() as s:
        make(s)
    refused(statement, "violates|duplicate")


def test_an_expired_alert_cannot_come_back(database: str) -> None:
    """The states are the code's business (core/states.py), but a final one has its time."""
    with transaction() as s:
        zone(s)
        alert_id = alert_draft(s).id
    with transaction() as s:
        assert lifecycle.expire_due(s, NOW + timedelta(days=1)) == [alert_id]
    with transaction() as s:
        assert s.get_one(Alert, alert_id).finished_at is not None

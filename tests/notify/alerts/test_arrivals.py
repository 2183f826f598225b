"""Whoever joins, or adds a place, during an alert gets it: once, and only while and where it holds."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from notify.alerts import arrivals, lifecycle
from notify.channels.contract import Inbound
from notify.core import crypto, points
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import claims, leases, recovery
from notify.inbound.messages import receive
from notify.models import Alert, Contact, Lane
from notify.operations import restoring
from notify.subscribers import consent, questions, wishes
from notify.subscribers.wishes import Wish
from tests import factories
from tests.database import sql
from tests.factories import alert_launched, alert_resolved, operator, resident, square, zone
from tests.notify.delivery.leftovers import NOW
from tests.owner import as_owner

LATER = NOW + timedelta(seconds=1)
FAR = (9.5, 9.5)


@pytest.fixture(autouse=True)
def city(database: str) -> None:
    with transaction() as s:
        zone(s, "Riverside", square(0, 0), now=NOW)
        zone(s, "Harbor", square(1, 0), now=NOW)
        resident(s, now=NOW)


def newcomer(at: tuple[float, float] = (0.5, 0.5), *, topics: Sequence[str] = ("storm",), verified: bool = True) -> int:
    """Somebody who joins after the alerts of a test went out; the id of their phone."""
    with transaction() as s:
        person = resident(s, at=(at,), topics=topics, verified=verified, now=NOW)
        wishes.note_arrival(s, person.id, LATER)
    assert person.sms is not None
    return person.sms


def tell(seconds: float = 1) -> list[int]:
    """Run the job; the batches that it rings for."""
    with transaction() as s:
        return [bell.id for bell in arrivals.tell(s, NOW + timedelta(seconds=seconds))]


def told(contact: int) -> list[tuple[int, str, str | None]]:
    rows = sql("SELECT alert_id, state::text, reason FROM deliveries WHERE contact_id = :c ORDER BY 1", c=contact)
    return [tuple(row) for row in rows]


def finish(alert: int) -> None:
    sql("UPDATE deliveries SET state = 'accepted', settled_at = now() WHERE alert_id = :a", a=alert)
    sql("UPDATE batches SET state = 'done' WHERE alert_id = :a", a=alert)
    assert recovery.finish_alerts(NOW) == [alert]


def adds_up(alert: int) -> bool:
    (row,) = sql(
        """SELECT a.audience_total, count(d.id) AS deliveries, count(DISTINCT d.contact_id) AS contacts
             FROM alerts a JOIN deliveries d ON d.alert_id = a.id WHERE a.id = :a GROUP BY a.id""",
        a=alert,
    )
    return bool(row.audience_total == row.deliveries == row.contacts)


def test_who_joins_gets_what_is_in_force_there_and_nothing_else() -> None:
    here = alert_resolved(now=NOW)
    alert_resolved(now=NOW, zones=("Harbor",))
    contact = newcomer()
    assert len(tell()) == 1
    assert told(contact) == [(here, "queued", None)]
    assert adds_up(here)
    assert sql("SELECT joined_later FROM alerts ORDER BY id") == [(1,), (0,)]
    assert tell() == []
    assert sql("SELECT FROM arrivals") == []


def test_an_alert_that_was_sent_already_is_sent_to_who_joins_and_stays_sent() -> None:
    alert = alert_resolved(now=NOW)
    finish(alert)
    contact = newcomer()
    (batch,) = tell()
    assert [bell.id for bell in recovery.unrung_batches(wiped=False, idle=[])] == [batch]
    held = leases.lease(batch, 60)
    assert held is not None
    claimed = claims.claim(held, 1, 10, NOW)
    assert claimed is not None
    assert [one.contact_id for one in claimed] == [contact]
    assert sql("SELECT state::text FROM alerts") == [("sent",)]
    assert recovery.finish_alerts(NOW) == []


def test_the_next_batch_of_an_idle_worker_may_be_that_of_who_joined() -> None:
    alert = alert_resolved(now=NOW)
    finish(alert)
    newcomer()
    (batch,) = tell()
    (row,) = sql("SELECT lane::text FROM batches WHERE id = :b", b=batch)
    held = leases.lease_next(Lane(row.lane), "sms", 60)
    assert held is not None
    assert held.batch_id == batch


def test_topics_and_opt_outs_count_and_the_reason_is_kept() -> None:
    alert = alert_resolved(now=NOW)
    other, left = newcomer(topics=("snow",)), newcomer()
    with transaction() as s:
        consent.opt_out(s, "sms", left, how="a test", now=NOW)
    assert tell() == []
    assert told(other) == [(alert, "skipped", "not-subscribed")]
    assert told(left) == [(alert, "skipped", "opt-out")]
    assert adds_up(alert)
    assert sql("SELECT joined_later FROM alerts") == [(0,)]


def test_nobody_who_was_told_is_told_again_by_any_contact() -> None:
    alert = alert_resolved(now=NOW)
    (person,) = sql("SELECT subscriber_id AS id, id AS contact FROM contacts")
    with transaction() as s:
        wishes.add(s, person.id, Wish(0.6, 0.6, "work"), LATER)
    assert tell() == []
    assert told(person.contact) == [(alert, "queued", None)]
    assert sql("SELECT audience_total, joined_later FROM alerts") == [(1, 0)]


def test_another_phone_of_somebody_who_was_told_is_not_written_to() -> None:
    alert = alert_resolved(now=NOW)
    other = newcomer()
    sql("UPDATE contacts SET subscriber_id = (SELECT min(id) FROM subscribers) WHERE id = :c", c=other)
    (first,) = sql("SELECT min(id) AS id FROM subscribers")
    with transaction() as s:
        wishes.add(s, first.id, Wish(0.6, 0.6, "work"), LATER)
    assert tell() == []
    assert told(other) == []
    assert adds_up(alert)


def test_who_was_left_out_for_want_of_a_consent_gets_it_with_the_consent() -> None:
    with transaction() as s:
        imported = resident(s, verified=False, now=NOW)
    alert = alert_resolved(now=NOW)
    assert imported.sms is not None
    assert told(imported.sms) == [(alert, "skipped", "unverified")]
    with transaction() as s:
        wishes.note_arrival(s, imported.id, LATER)
    assert tell() == [], "nothing has changed for them"
    sql("UPDATE contacts SET verified_at = now() WHERE id = :c", c=imported.sms)
    with transaction() as s:
        wishes.note_arrival(s, imported.id, LATER)
    assert len(tell()) == 1
    assert told(imported.sms) == [(alert, "queued", None)]
    assert adds_up(alert)
    assert sql("SELECT audience_total, joined_later FROM alerts") == [(2, 1)]


def test_a_new_place_counts_and_its_radius_too() -> None:
    alert = alert_resolved(now=NOW)
    with transaction() as s:
        away, near = resident(s, at=(FAR,), now=NOW), resident(s, at=((-0.01, 0.5),), now=NOW)
        wishes.add(s, away.id, Wish(0.6, 0.6, "a parent's flat"), LATER)
        wishes.note_arrival(s, near.id, LATER)
    assert len(tell()) == 1
    assert away.sms is not None
    assert near.sms is not None
    assert told(away.sms) == [(alert, "queued", None)]
    assert told(near.sms) == []
    sql("UPDATE places SET radius_m = 2000 WHERE subscriber_id = :r", r=near.id)
    with transaction() as s:
        wishes.note_arrival(s, near.id, LATER)
    assert len(tell()) == 1
    assert told(near.sms) == [(alert, "queued", None)]


def test_while_the_audience_is_being_resolved_they_wait_and_are_told_once() -> None:
    alert = alert_launched(now=NOW)
    contact = newcomer()
    assert tell() == []
    assert told(contact) == []
    factories.resolve(alert, NOW)
    assert told(contact) == [(alert, "queued", None)], "the audience was read after they had joined"
    assert tell(10) == []
    assert sql("SELECT FROM arrivals") == []
    assert adds_up(alert)


def test_one_who_joined_too_late_for_the_resolver_is_told_once_it_is_done() -> None:
    alert = alert_launched(now=NOW)
    contact = newcomer()
    assert tell() == []
    (person,) = sql("SELECT subscriber_id AS id FROM contacts WHERE id = :c", c=contact)
    sealed = sql("SELECT point_sealed, cell_index FROM places WHERE subscriber_id = :p", p=person.id)[0]
    elsewhere = points.seal(person.id, *FAR)
    move = "UPDATE places SET point_sealed = :point_sealed, cell_index = :cell_index WHERE subscriber_id = :p"
    sql(move, p=person.id, **elsewhere._asdict())  # as the resolver has read it before
    factories.resolve(alert, NOW)
    sql(move, p=person.id, **sealed._mapping)
    assert told(contact) == []
    assert tell(1) == [], "it is looked at again a little later"
    assert len(tell(10)) == 1
    assert told(contact) == [(alert, "queued", None)]


def test_what_is_over_cancelled_or_practice_is_not_sent_again() -> None:
    cancelled, practice = alert_resolved(now=NOW), alert_resolved(now=NOW)
    with transaction() as s:
        lifecycle.cancel(s, cancelled, operator(s), NOW)
    as_owner("SET LOCAL session_replication_role = replica", f"UPDATE alerts SET status = 'Test' WHERE id = {practice}")
    contact = newcomer()
    assert tell() == []
    assert told(contact) == []


def test_what_has_expired_is_not_sent_again() -> None:
    alert = alert_resolved(now=NOW)
    contact = newcomer()
    with transaction() as s:
        assert arrivals.tell(s, s.get_one(Alert, alert).expires_at) == []
    assert told(contact) == []


def test_it_holds_only_where_no_later_alert_has_the_last_word() -> None:
    first = alert_resolved(now=NOW, zones=("Riverside", "Harbor"))
    with transaction() as s:
        incident = s.get_one(Alert, first).incident_id
    clear = alert_launched(now=NOW + timedelta(seconds=1), incident=incident, phase="all-clear", zones=("Harbor",))
    factories.resolve(clear, NOW)
    there, cleared = newcomer(), newcomer((1.5, 0.5))
    assert len(tell(2)) == 1
    assert told(there) == [(first, "queued", None)]
    assert told(cleared) == []


def test_what_waits_for_who_joined_ends_with_the_alert() -> None:
    alert = alert_resolved(now=NOW)
    finish(alert)
    contact = newcomer()
    assert len(tell()) == 1
    with transaction() as s:
        ends = s.get_one(Alert, alert).expires_at
    recovery.end_leftovers(LATER)
    assert told(contact) == [(alert, "queued", None)]
    recovery.end_leftovers(ends)
    assert told(contact) == [(alert, "expired", "expired")]
    assert sql("SELECT state::text FROM alerts") == [("sent",)]


def test_what_waits_for_who_joined_ends_when_a_later_alert_has_the_last_word() -> None:
    alert = alert_resolved(now=NOW)
    finish(alert)
    contact = newcomer()
    assert len(tell()) == 1
    with transaction() as s:
        incident = s.get_one(Alert, alert).incident_id
    alert_launched(now=NOW + timedelta(seconds=2), incident=incident, phase="all-clear")
    recovery.end_leftovers(NOW + timedelta(seconds=3))
    assert told(contact) == [(alert, "cancelled", "cancelled")]


def test_a_routine_message_to_who_joined_in_their_quiet_hours_waits_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_QUIET_HOURS", "21:00-08:00")
    settings.cache_clear()
    evening = datetime(NOW.year, NOW.month, NOW.day, tzinfo=UTC) + timedelta(days=1)  # 7 or 8 pm in the city
    alert = alert_resolved(now=evening, event="snow")
    contact = newcomer(topics=("snow",))
    with transaction() as s:
        assert arrivals.tell(s, evening + timedelta(hours=4)) == []
    assert told(contact) == [(alert, "held", "quiet-hours")]
    assert sql("SELECT joined_later FROM alerts") == [(1,)]


def test_who_says_yes_during_an_alert_gets_it() -> None:
    alert = alert_resolved(now=NOW)
    contact = newcomer(verified=False)
    assert tell() == []
    assert told(contact) == [(alert, "skipped", "unverified")]
    with transaction() as s:
        asked = s.get_one(Contact, contact)
        phone = crypto.unseal(asked.address_sealed or b"", "sms")
        questions.ask(s, "sms", asked.address_index, questions.CONFIRM, text="YES?", now=NOW, words="", how="a form")
    with transaction() as s:
        receive(s, "twilio", Inbound(phone, "+15555550100", "YES", "SM1", ""), LATER)
    assert len(tell(3)) == 1
    assert told(contact) == [(alert, "queued", None)]


def test_who_starts_again_during_an_alert_gets_it() -> None:
    with transaction() as s:
        person = resident(s, now=NOW)
        assert person.sms is not None
        consent.opt_out(s, "sms", person.sms, how="a test", now=NOW)
    alert = alert_resolved(now=NOW)
    assert told(person.sms) == [(alert, "skipped", "opt-out")]
    with transaction() as s:
        assert consent.opt_back_in(s, "sms", person.sms, how="START", now=LATER)
    assert len(tell(3)) == 1
    assert told(person.sms) == [(alert, "queued", None)]


def test_an_alert_that_cannot_be_read_keeps_nobody_from_the_others() -> None:
    bad, good = alert_resolved(now=NOW), alert_resolved(now=NOW)
    sql("UPDATE alerts SET finished_at = '20000-01-01' WHERE id = :a", a=bad)
    contact = newcomer()
    assert len(tell()) == 1
    assert told(contact) == [(good, "queued", None)]
    assert sql("SELECT FROM arrivals") == []
    assert sql("SELECT alert_id FROM alarms WHERE kind = 'refused-row'") == [(bad,)]


def test_after_a_restored_backup_the_provider_is_asked_before_who_joins_gets_a_sent_alert() -> None:
    alert = alert_resolved(now=NOW)
    finish(alert)
    with transaction() as s:
        wishes.note_arrival(s, resident(s, now=NOW).id, LATER)
        restoring.restored(s, NOW)
    assert tell() == [], "they may have been told after the backup"
    contact = newcomer()
    tell(3)
    assert told(contact) == [(alert, "unknown", "restored")]

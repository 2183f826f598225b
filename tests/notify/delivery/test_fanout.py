"""Law 3: every contact in an audience has exactly one delivery row, with a reason where it is left out."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from pyproj import Geod
from shapely.geometry import box
from sqlalchemy import Engine, QueuePool, event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from notify import audience
from notify.alerts import lifecycle
from notify.alerts.reporting import reports
from notify.content.catalogue import catalogue
from notify.core import db
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import fanout, recovery, worker_slots
from notify.models import Contact, Lane, Preference, Suppression, Topic
from tests.database import sql
from tests.factories import NOW, Person, alert_ready, operator, resident, residents, resolve, sender, square, zone
from tests.locks import holders
from tests.owner import owning
from tests.waiting import until


def launched(s: Session, **draft: Any) -> int:
    alert = alert_ready(s, **draft)
    lifecycle.launch(s, alert.id, operator(s), NOW)
    return alert.id


def deliveries(alert_id: int) -> list[Any]:
    with transaction() as s:
        return list(
            s.execute(
                text("""SELECT d.contact_id, d.state::text, d.reason, d.batch_id, b.channel, b.language, b.sender_id
                          FROM deliveries d LEFT JOIN batches b ON b.id = d.batch_id
                         WHERE d.alert_id = :alert ORDER BY d.id"""),
                {"alert": alert_id},
            )
        )


def size(batch_ids: list[int]) -> int:
    """How many deliveries are in these batches."""
    with transaction() as s:
        found = s.execute(text("SELECT coalesce(sum(size), 0) FROM batches WHERE id = ANY(:ids)"), {"ids": batch_ids})
        return int(found.scalar_one())


def test_a_contact_gets_one_row_even_with_three_places_in_the_area(database: str) -> None:
    with transaction() as s:
        zone(s)
        tom = resident(s, at=[(0.1, 0.1), (0.5, 0.5), (0.9, 0.9)])
        alert = launched(s)
    resolve(alert)
    assert [(row.contact_id, row.state) for row in deliveries(alert)] == [(tom.sms, "queued")]


def test_whose_language_has_no_words_gets_one_that_the_alert_is_written_in(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the city has put another language first since the alert was written."""
    monkeypatch.setenv("TOCSIN_LANGUAGES", '["en"]')
    settings.cache_clear()
    with transaction() as s:
        zone(s)
        resident(s, at=[(0.5, 0.5)], language="fr")
        alert = launched(s)
    monkeypatch.setenv("TOCSIN_LANGUAGES", '["es", "en"]')
    settings.cache_clear()
    catalogue.cache_clear()
    resolve(alert)
    assert [row.language for row in deliveries(alert)] == ["en"]
    assert not catalogue.cache_info().currsize  # no template is read before the first phone rings


def test_boundary_points_are_inside_and_neighbours_outside(database: str) -> None:
    with transaction() as s:
        zone(s)
        edge, corner = resident(s, at=[(0.5, 0.0)]), resident(s, at=[(1.0, 1.0)])
        resident(s, at=[(1.000001, 0.5)])
        alert = launched(s)
    resolve(alert)
    assert {row.contact_id for row in deliveries(alert)} == {edge.sms, corner.sms}


def test_everybody_left_out_has_the_reason(database: str) -> None:
    with transaction() as s:
        zone(s)
        fine = resident(s)
        unverified = resident(s, verified=False)
        elsewhere = resident(s, topics=("snow",))
        muted, left, left_topic, bounced, erased = (resident(s) for _ in range(5))
        s.get_one(Preference, (muted.id, Topic.STORM)).muted_until = NOW + timedelta(hours=1)
        s.get_one(Contact, erased.sms).address_sealed = None
        for person, topic, reason in (
            (left, None, "opt-out"),
            (left_topic, Topic.STORM, "opt-out"),
            (bounced, None, "hard-bounce"),
            (fine, Topic.SNOW, "opt-out"),
        ):
            index = s.get_one(Contact, person.sms).address_index
            s.add(Suppression(channel="sms", address_index=index, topic=topic, reason=reason, at=NOW))
        alert = launched(s)
    resolve(alert)
    assert {row.contact_id: row.reason for row in deliveries(alert)} == {
        fine.sms: None,
        unverified.sms: "unverified",
        elsewhere.sms: "not-subscribed",
        muted.sms: None,  # an emergency passes it
        left.sms: "opt-out",
        left_topic.sms: "opt-out",
        bounced.sms: "hard-bounce",
        erased.sms: "erased",
    }
    assert {row.state for row in deliveries(alert) if row.reason} == {"skipped"}


def test_the_preview_counts_what_the_launch_resolves(database: str) -> None:
    with transaction() as s:
        zone(s)
        for n in range(12):
            resident(s, topics=("storm",) if n % 3 else ("snow",), email="", verified=n % 4 != 0)
        alert = alert_ready(s, channels=("sms", "email", "social"))
        expected = audience.preview(s, alert, NOW)
        lifecycle.launch(s, alert.id, operator(s), NOW)
    resolve(alert.id)
    with transaction() as s:
        progress = reports.progress(s, alert.id)
    assert progress.audience == reports.AudienceCounts(expected.total, expected.by_channel, expected.skipped)
    assert expected.by_channel == {"sms": 6, "email": 6, "social": 2}
    assert sum(progress.deliveries.values()) == expected.total == 26


def test_a_timeline_gets_one_post_for_each_language_by_its_own_account(database: str) -> None:
    with transaction() as s:
        zone(s)
        account = sender(s, "mastodon")
        alert, again = launched(s, channels=("social",)), launched(s, channels=("social",))
    resolve(alert)
    resolve(again)
    rows = deliveries(alert)
    assert Counter((row.channel, row.language, row.sender_id) for row in rows) == {
        ("social", "en", account.id): 1,
        ("social", "es", account.id): 1,
    }
    assert {row.contact_id for row in rows} == {row.contact_id for row in deliveries(again)}


def test_batches_hold_one_language_and_about_ten_seconds(database: str) -> None:
    with transaction() as s:
        zone(s)
        sender(s, rate_per_s=2.0)
        residents(s, [Person(language="es" if n % 3 == 0 else "en") for n in range(60)])
        alert = launched(s)
        words = s.execute(text("SELECT language, cost FROM contents WHERE alert_id = :a"), {"a": alert}).all()
        costs = {row.language: row.cost for row in words}
    resolve(alert)
    with transaction() as s:
        batches = s.execute(text("SELECT language, size FROM batches WHERE alert_id = :a"), {"a": alert}).all()
    assert sum(size for _, size in batches) == 60
    assert {language for language, _ in batches} == {"en", "es"}
    assert max(size for _, size in batches) <= max(1, round(10 * 2.0 / max(costs.values())))


def test_a_resolver_that_died_is_followed_by_another(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "FIRST_SLICE", 3)
    monkeypatch.setattr(fanout, "SLICE", 5)
    monkeypatch.setattr(fanout, "LARGEST_SLICE", 5)
    with transaction() as s:
        zone(s)
        people = residents(s, [Person()] * 40)
        alert = launched(s)
    first = fanout.resolve(alert, NOW)
    rung = [*next(first), *next(first), *next(first)]
    first.close()  # it dies after its third commit
    assert 0 < len(deliveries(alert)) < 40
    rung += resolve(alert)
    rows = deliveries(alert)
    assert sorted(row.contact_id for row in rows) == sorted(person.sms or 0 for person in people)
    recovery.note_rung(rung)
    unrung = {bell.id for bell in recovery.unrung_batches(wiped=False, idle=())}  # committed as it died
    assert {row.batch_id for row in rows} == set(rung) | unrung
    assert not set(rung) & unrung
    with transaction() as s:
        progress = reports.progress(s, alert)
    assert progress.resolved
    assert progress.audience.total == 40


def test_the_first_slice_that_reaches_anybody_is_small(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a new quarter, whose residents came last, too: a phone should ring before ten thousand rows are written."""
    monkeypatch.setattr(fanout, "FIRST_IDS", 5)
    monkeypatch.setattr(fanout, "FIRST_SLICE", 2)
    with transaction() as s:
        zone(s)
        for _ in range(10):
            resident(s, at=((50, 50),))
        for _ in range(10):
            resident(s)
        alert = launched(s)
    assert [size(batches) for batches in fanout.resolve(alert, NOW)] == [0, 0, 2, 8]


def test_what_is_the_same_for_every_slice_is_asked_once(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_SLICE", "SLICE", "LARGEST_SLICE"):
        monkeypatch.setattr(fanout, name, 2)
    with transaction() as s:
        zone(s)
        for _ in range(9):
            resident(s)
        alert = launched(s)
    asked = Counter[str]()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.update(part for part in ("SELECT language FROM contents", "sum(rate_per_s)") if part in statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert len(list(fanout.resolve(alert, NOW))) > 4
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(deliveries(alert)) == 9
    assert asked["SELECT language FROM contents"] == 1
    assert asked["sum(rate_per_s)"] <= 2, "the forecast, which is kept at the end, asks for rates, too"


def test_two_resolvers_at_once_write_each_row_once(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fanout, "FIRST_SLICE", 2)
    with transaction() as s:
        zone(s)
        for _ in range(10):
            resident(s)
        alert = launched(s)
    first = fanout.resolve(alert, NOW)
    next(first)
    assert list(fanout.resolve(alert, NOW)) == []
    for _ in first:
        pass
    assert len(deliveries(alert)) == 10


@pytest.mark.parametrize("step", [lifecycle.pause, lifecycle.cancel])
def test_fan_out_stops_with_the_alert(database: str, monkeypatch: pytest.MonkeyPatch, step: Any) -> None:
    monkeypatch.setattr(fanout, "FIRST_SLICE", 2)
    monkeypatch.setattr(fanout, "SLICE", 2)
    with transaction() as s:
        zone(s)
        for _ in range(10):
            resident(s)
        alert = launched(s)
    slices = fanout.resolve(alert, NOW)
    next(slices)
    next(slices)
    with transaction() as s:
        step(s, alert, operator(s), NOW)
    assert list(slices) == []
    assert len(deliveries(alert)) == 2


def test_a_pause_amidst_slices_that_are_written_side_by_side_leaves_whole_ones(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "FIRST_SLICE", 2)
    monkeypatch.setattr(fanout, "SLICE", 2)
    monkeypatch.setattr(fanout, "LARGEST_SLICE", 2)
    with transaction() as s:
        zone(s)
        people = residents(s, [Person()] * 40)
        alert = launched(s)
    slices = fanout.resolve(alert, NOW)
    for _ in range(4):
        next(slices)
    with transaction() as s:
        lifecycle.pause(s, alert, operator(s), NOW)
    list(slices)
    written = deliveries(alert)
    with transaction() as s:
        assert reports.progress(s, alert).audience.total == len(written) < 40
    assert {row.contact_id for row in written} == {person.sms for person in people[: len(written)]}
    with transaction() as s:
        lifecycle.resume(s, alert, operator(s), NOW)
    resolve(alert)
    assert sorted(row.contact_id for row in deliveries(alert)) == sorted(person.sms or 0 for person in people)


def test_an_area_without_residents_is_resolved_at_once(database: str) -> None:
    with transaction() as s:
        zone(s, "Empty Quarter", square(50, 50))
        alert = launched(s, zones=("Empty Quarter",))
    assert resolve(alert) == []
    with transaction() as s:
        assert reports.progress(s, alert).resolved


@pytest.mark.parametrize(("latitude", "radius_m"), [(39.95, 500), (39.95, 50_000), (0.5, 50_000)])
def test_a_place_whose_disc_reaches_the_area_is_told(database: str, latitude: float, radius_m: int) -> None:
    """Degrees are shorter in the south than in the north: the search for places must not trust in long ones."""
    lon, lat, _ = Geod(ellps="WGS84").fwd(-75.15, latitude, 180, radius_m * 0.998)
    with transaction() as s:
        zone(s, "Riverside", box(-75.2, latitude, -75.1, latitude + 0.05))
        tom = resident(s, at=[(lon, lat)])
        s.execute(text("UPDATE places SET radius_m = :radius"), {"radius": radius_m})
        alert = launched(s)
    resolve(alert)
    assert [row.contact_id for row in deliveries(alert)] == [tom.sms]


def test_a_resolver_that_lost_its_lock_does_not_turn_the_alert_back(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one took over and came further; what this one did since is undone."""
    monkeypatch.setattr(fanout, "FIRST_IDS", 3)
    monkeypatch.setattr(fanout, "SLICE", 4)
    with transaction() as s:
        zone(s)
        for _ in range(12):
            resident(s, phone=None, email="")  # nothing to write to, so that no row of theirs is there twice
        people = [resident(s).sms for _ in range(6)]
        alert = launched(s)
    slow = fanout.resolve(alert, NOW)
    next(slow)
    next(slow)
    (guard,) = holders(fanout.RESOLVER_LOCK, alert)
    sql("SELECT pg_terminate_backend(:pid)", pid=guard)
    until(lambda: not holders(fanout.RESOLVER_LOCK, alert), 60, "the lock is gone")
    resolve(alert)
    with transaction() as s:
        # As if the faster one had died before its last step.
        s.execute(text("UPDATE alerts SET fanout_done_at = NULL WHERE id = :alert"), {"alert": alert})
        through = s.execute(text("SELECT fanout_through FROM alerts")).scalar_one()
    with pytest.raises(OperationalError):  # that its lock is gone is said at the end
        list(slow)
    with transaction() as s:
        assert s.execute(text("SELECT fanout_through FROM alerts")).scalar_one() == through
    resolve(alert)
    assert [row.contact_id for row in deliveries(alert)] == people


def in_use(engine: Engine) -> int:
    assert isinstance(engine.pool, QueuePool)
    return engine.pool.checkedout()


def test_however_many_audiences_are_resolved_what_sends_gets_a_connection_at_once(database: str) -> None:
    assert len(Lane) * worker_slots.RESOLVERS * (1 + fanout.WRITERS) == db.RESOLVER_CONNECTIONS
    with transaction() as s:
        zone(s)
        resident(s)
        launched = []
        for _ in range(len(Lane) * worker_slots.RESOLVERS):
            alert = alert_ready(s)
            lifecycle.launch(s, alert.id, operator(s), NOW)
            launched.append(alert.id)
    with ThreadPoolExecutor(len(launched)) as threads:
        with owning() as s:
            s.execute(text("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE"))
            turns = [threads.submit(resolve, one) for one in launched]
            until(lambda: in_use(db.resolvers_engine()) >= len(launched), 60, "all of them wait")
            with transaction() as s:
                s.execute(text("SELECT 1"))
                assert in_use(db.engine()) == 1, "ours"
        for turn in turns:
            turn.result()
    with transaction() as s:
        assert s.scalar(text("SELECT count(*) FROM alerts WHERE fanout_done_at IS NULL")) == 0

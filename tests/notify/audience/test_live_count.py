"""The live count says what a launch would resolve to, and follows every change at once."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from notify import audience
from notify.alerts import lifecycle
from notify.audience import Audience, live_count, rules
from notify.audience.cache import Precedence
from notify.audience.live_count import LiveCount
from notify.audience.told import OrTold
from notify.content import compose
from notify.content.catalogue import catalogue
from notify.core import points
from notify.core.db import engine, transaction
from notify.core.settings import settings
from notify.models import Contact, Lane, Place, Preference, Subscriber, Suppression, Topic
from tests.factories import (
    NOW,
    Resident,
    alert_ready,
    alert_resolved,
    move,
    operator,
    resident,
    resolve,
    sender,
    square,
    zone,
)
from tests.owner import as_owner
from tests.waiting import until
from zones.membership import Membership

CHANNELS = ("sms", "email", "social")


@pytest.fixture
def counted(database: str) -> LiveCount:
    return LiveCount(("en", "es"))


def live(counted: LiveCount, area: shapely.Geometry | None = None, topic: str = "storm") -> Audience:
    """Of an alert with the usual severity of its event: a storm is an emergency, snow is routine."""
    usual = catalogue().event(topic if topic in ("storm", "snow") else "snow").defaults("issue")
    precedence = Precedence(Lane(compose.lane(usual.severity, usual.urgency)), rules.rank(usual.severity))
    return counted.count(Membership(area or square(0, 0)), topic, CHANNELS, NOW, precedence)


def stored(event: str = "storm") -> Audience:
    """What PostgreSQL says of an alert for the same area."""
    with transaction() as s:
        zone(s)
        return audience.preview(s, alert_ready(s, event=event, channels=CHANNELS), NOW)


def anybody(s: Session, rng: np.random.Generator) -> Resident:
    """A resident with any reason to be left out, or none."""
    person = resident(
        s,
        at=[(float(x), float(y)) for x, y in np.unique(rng.uniform(-0.5, 1.5, (rng.integers(1, 4), 2)), axis=0)],
        topics=[topic for topic in ("storm", "snow") if rng.random() < 0.8],
        email="" if rng.random() < 0.6 else None,
        language=str(rng.choice(["en", "es", "zh"])),
        verified=bool(rng.random() < 0.9),
    )
    if rng.random() < 0.1:
        s.execute(text("UPDATE places SET radius_m = 20000 WHERE subscriber_id = :id"), {"id": person.id})
    for topic in (Topic.STORM, Topic.SNOW):
        preference = s.get(Preference, (person.id, topic))
        if preference and rng.random() < 0.2:
            preference.muted_until = NOW + timedelta(hours=float(rng.choice([-1, 1])))
    for contact_id in filter(None, (person.sms, person.mail)):
        contact = s.get_one(Contact, contact_id)
        for reason in ("opt-out", "hard-bounce", "complaint", "invalid"):
            if rng.random() < 0.08:
                left: Any = rng.choice([None, Topic.STORM, Topic.SNOW])
                s.add(Suppression(channel=contact.channel, address_index=contact.address_index, topic=left,
                                  reason=reason, at=NOW))  # fmt: skip
        if rng.random() < 0.3:
            contact.lowest_severity = int(rng.integers(2, 6))
        if rng.random() < 0.05:
            contact.address_sealed = None
    return person


@pytest.mark.parametrize(("seed", "event"), [(0, "storm"), (1, "snow"), (2, "storm"), (3, "snow")])
def test_it_says_what_a_launch_resolves(counted: LiveCount, seed: int, event: str) -> None:
    rng = np.random.default_rng(seed)
    with transaction() as s:
        sender(s, "mastodon")
        for _ in range(40):
            anybody(s, rng)
    first = live(counted, topic=event)
    assert first == stored(event)
    with transaction() as s:  # some more, who are counted beside the others
        for _ in range(15):
            anybody(s, rng)
    then = live(counted, topic=event)
    assert then == stored(event) != first
    alert_resolved(event=event, channels=CHANNELS)
    with transaction() as s:
        rows = s.execute(
            text("""SELECT coalesce(b.channel, '') AS channel, coalesce(b.language, '') AS language, d.reason,
                           count(*) AS n
                      FROM deliveries d LEFT JOIN batches b ON b.id = d.batch_id GROUP BY 1, 2, 3""")
        ).all()
    assert {(r.channel, r.language): r.n for r in rows if r.reason is None} == {
        (channel, language): n for channel, found in then.languages.items() for language, n in found.items()
    }
    assert {reason: n for r in rows if (reason := r.reason) and (n := r.n)} == then.skipped
    assert sum(r.n for r in rows) == then.total
    assert len(then.skipped) > 4
    assert bool({"muted", "below-severity", "emergencies-only"} & then.skipped.keys()) == (event == "snow"), (
        "an emergency passes wishes"
    )
    best = _best_of_each_resident()
    assert then.nothing == Counter(reason for reason in best if reason)
    assert len(then.nothing) > 3
    assert then.residents - then.without == best.count(None) > 5


def test_many_areas_at_once_are_counted_as_each_alone(counted: LiveCount) -> None:
    """Those that overlap, those with nobody in them, and residents who came or changed since."""
    rng = np.random.default_rng(4)
    areas = [Membership(square(x, 0, size)) for x, size in ((0, 1), (0, 0.5), (0.4, 0.5), (5, 1))]
    for more in (40, 15):
        with transaction() as s:
            s.execute(text("UPDATE subscribers SET language = 'es' WHERE id % 3 = 0"))  # who is in memory already
            for _ in range(more):
                anybody(s, rng)
        for channels in (CHANNELS, ("email",)):
            alone = [counted.count(area, "snow", channels, NOW) for area in areas]
            assert counted.count_each(areas, "snow", channels, NOW) == alone
    assert [one.residents > 0 for one in alone] == [True, True, True, False]


def _best_of_each_resident() -> list[str | None]:
    """Of each resident with a delivery the first reason to be left out; None: gets a message."""
    with transaction() as s:
        rows = s.execute(
            text("SELECT c.subscriber_id, d.reason FROM deliveries d JOIN contacts c ON c.id = d.contact_id")
        ).all()
    of_each: dict[int, set[str | None]] = {}
    for row in rows:
        if row.subscriber_id is not None:
            of_each.setdefault(row.subscriber_id, set()).add(row.reason)
    return [None if None in some else min(filter(None, some), key=rules.REASONS.index) for some in of_each.values()]


def _moves(s: Session, tom: Resident) -> None:
    move(s, tom.id, 7, 0.5)


def _gets_a_second_place(s: Session, tom: Resident) -> None:
    move(s, tom.id, 7, 0.5)
    work = points.seal(tom.id, 0.2, 0.2)._asdict()
    s.add(Place(subscriber_id=tom.id, label="work", radius_m=0, created_at=NOW, **work))


def _loses_its_place(s: Session, tom: Resident) -> None:
    s.execute(text("DELETE FROM places WHERE subscriber_id = :id"), {"id": tom.id})


def _widens_its_place(s: Session, tom: Resident) -> None:
    move(s, tom.id, 1.01, 0.5)
    s.execute(text("UPDATE places SET radius_m = 5000 WHERE subscriber_id = :id"), {"id": tom.id})


def _unsubscribes(s: Session, tom: Resident) -> None:
    s.execute(text("DELETE FROM preferences WHERE subscriber_id = :id"), {"id": tom.id})


def _mutes(s: Session, tom: Resident) -> None:
    s.get_one(Preference, (tom.id, Topic.STORM)).muted_until = NOW + timedelta(hours=1)


def _opts_out(s: Session, tom: Resident) -> None:
    index = s.get_one(Contact, tom.sms).address_index
    s.add(Suppression(channel="sms", address_index=index, topic=None, reason="opt-out", at=NOW))


def _comes_back(s: Session, tom: Resident) -> None:
    _opts_out(s, tom)
    s.flush()
    s.execute(text("DELETE FROM suppressions"))


def _changes_language(s: Session, tom: Resident) -> None:
    s.get_one(Subscriber, tom.id).language = "es"


def _is_erased(s: Session, tom: Resident) -> None:
    s.get_one(Contact, tom.sms).address_sealed = None


def _is_no_longer_verified(s: Session, tom: Resident) -> None:
    s.get_one(Contact, tom.sms).verified_at = None


@pytest.mark.parametrize(
    "change",
    [
        _moves,
        _gets_a_second_place,
        _loses_its_place,
        _widens_its_place,
        _unsubscribes,
        _mutes,
        _opts_out,
        _comes_back,
        _changes_language,
        _is_erased,
        _is_no_longer_verified,
    ],
)
def test_a_change_counts_at_the_next_question(counted: LiveCount, change: Callable[[Session, Resident], None]) -> None:
    with transaction() as s:
        sender(s, "mastodon")
        tom, _ = resident(s), resident(s)
    before = live(counted)
    assert before.by_channel == {"sms": 2, "social": 2}
    with transaction() as s:
        change(s, tom)
    after = live(counted)
    assert after == stored()
    assert (after == before) == (change in (_gets_a_second_place, _comes_back, _widens_its_place, _mutes))
    assert live(counted) == after


def test_who_mutes_is_left_out_of_a_routine_alert_at_the_next_question(counted: LiveCount) -> None:
    with transaction() as s:
        tom, _ = resident(s, topics=("snow",)), resident(s, topics=("snow",))
    assert live(counted, topic="snow").by_channel == {"sms": 2}
    with transaction() as s:
        s.get_one(Preference, (tom.id, Topic.SNOW)).muted_until = NOW + timedelta(hours=1)
    expected = stored("snow")  # which adds a timeline
    assert live(counted, topic="snow") == expected
    assert live(counted, topic="snow").skipped == {"muted": 1}


def test_who_began_earlier_and_commits_later_is_not_forgotten(counted: LiveCount) -> None:
    """The later of two transactions is seen first; the earlier one, with the lower number, counts when it is done."""
    with transaction() as s:
        resident(s)
    assert live(counted).residents == 1
    with Session(engine()) as early:
        resident(early)
        early.flush()
        with transaction() as s:
            resident(s)
        assert live(counted).residents == 2
        early.commit()
        assert live(counted).residents == 3
        resident(early)
        early.flush()
        early.rollback()
        assert live(counted).residents == 3


def test_too_many_changes_read_all_anew(counted: LiveCount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_count, "LATE_MOST", 3)
    with transaction() as s:
        resident(s)
    live(counted)
    for number in range(1, 8):
        with transaction() as s:
            resident(s)
        assert live(counted).residents == 1 + number
        assert counted._known is not None
        assert counted._known.late.size <= 3


def test_a_memory_that_nobody_asked_for_long_is_thrown_away(
    counted: LiveCount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What changed before may be forgotten by then."""
    with transaction() as s:
        resident(s)
    live(counted)
    with transaction() as s:
        resident(s)
    as_owner("UPDATE resident_changes SET at = at - interval '2 hours'")
    with transaction() as s:
        live_count.forget_changes(s)
        assert s.execute(text("SELECT count(*) FROM resident_changes")).scalar_one() == 0
    assert counted._known is not None
    counted._known = replace(counted._known, at=counted._known.at - timedelta(hours=2))
    assert live(counted).residents == 2


def test_several_threads_are_told_the_same(counted: LiveCount) -> None:
    with transaction() as s:
        for _ in range(5):
            resident(s)
    told: list[Audience] = []
    topics: Sequence[str] = ("storm", "snow", "storm", "flood", "storm", "snow")
    threads = [threading.Thread(target=lambda t=topic: told.append(live(counted, topic=t))) for topic in topics]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.by_channel.get("sms", 0) for one in told) == [0, 0, 0, 5, 5, 5]
    assert {one.residents for one in told} == {5}


def test_who_waits_for_another_threads_reading_holds_no_connection(counted: LiveCount) -> None:
    class Lock:
        """Counts who has come to it."""

        def __init__(self) -> None:
            self.inner, self.came = threading.Lock(), []

        def __enter__(self) -> None:
            self.came.append(threading.current_thread())
            self.inner.acquire()

        def __exit__(self, *_: object) -> None:
            self.inner.release()

    lock: Any = Lock()
    counted._lock = lock
    told: list[Audience] = []
    threads = [threading.Thread(target=lambda: told.append(live(counted))) for _ in range(5)]
    with lock.inner:
        for thread in threads:
            thread.start()
        until(lambda: len(lock.came) == len(threads), 60, "all to wait")
        held = engine().pool.checkedout()  # type: ignore[attr-defined]
    for thread in threads:
        thread.join()
    assert (held, len(told)) == (0, 5)


def test_nobody_at_all(counted: LiveCount) -> None:
    assert live(counted) == Audience(0, 0, {}, {}, {})
    assert live(counted, square(50, 50)) == Audience(0, 0, {}, {}, {})


def test_a_server_that_was_restored_is_read_anew(counted: LiveCount) -> None:
    """Its transactions begin below those that this process has seen."""
    with transaction() as s:
        resident(s)
    live(counted)
    assert counted._known is not None
    ahead = int(counted._known.snapshot.split(":")[1]) + 1_000
    counted._known = replace(counted._known, snapshot=f"{ahead}:{ahead}:")
    with transaction() as s:
        resident(s)
    assert live(counted).residents == 2
    with transaction() as s:
        resident(s)
    assert live(counted).residents == 3


@pytest.mark.parametrize("languages", ['["en", "es", "zh"]', '["zh", "en"]'])
def test_a_language_without_messages_gets_the_first_that_has_some(
    database: str, languages: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_LANGUAGES", languages)
    settings.cache_clear()
    with transaction() as s:
        zone(s)
        sender(s, "mastodon")
        for language in ("en", "es", "zh"):
            resident(s, language=language)
        alert = alert_ready(s, channels=CHANNELS)
        before = audience.preview(s, alert, NOW)
        lifecycle.launch(s, alert.id, operator(s), NOW)
    now = LiveCount(audience.written()).count(Membership(square(0, 0)), "storm", CHANNELS, NOW)
    resolve(alert.id)
    with transaction() as s:
        batches = s.execute(text("SELECT channel, language, sum(size) AS n FROM batches GROUP BY 1, 2")).all()
    rows: dict[str, dict[str, int]] = {}
    for batch in batches:
        rows.setdefault(batch.channel, {})[batch.language] = int(batch.n)
    assert now.languages == before.languages == rows
    assert sum(rows["sms"].values()) == 3


def test_the_residents_are_read_while_the_area_is_made(counted: LiveCount) -> None:
    with transaction() as s:
        resident(s, at=[(0.5, 0.5)], topics=["storm"])
    counted.prepare("storm")
    until(lambda: counted._known is not None, 60, "the residents to be known")
    with transaction() as s:
        resident(s, at=[(0.6, 0.5)], topics=["storm"])
    read = counted._known
    counted.prepare("storm")  # they are known, and not read again
    assert live(counted).by_channel["sms"] == 2
    assert read is not None
    assert counted._known is not None
    assert counted._known.base is read.base


def test_who_has_nothing_on_the_channels_is_counted(counted: LiveCount) -> None:
    with transaction() as s:
        sender(s, "mastodon")
        resident(s, email="")
        mailed = [resident(s, phone=None, email="") for _ in range(2)]
        silent = [resident(s, phone=None) for _ in range(3)]
        resident(s, phone=None, at=[(50, 50)])
    everywhere = live(counted)
    assert (everywhere.residents, everywhere.no_contact) == (6, len(silent))
    assert everywhere == stored()
    texts = counted.count(Membership(square(0, 0)), "storm", ("sms",), NOW)
    assert (texts.residents, texts.total, texts.no_contact) == (6, 1, len(silent) + len(mailed))
    with transaction() as s:  # a phone that is not verified is a contact, which is left out for that reason
        resident(s, verified=False)
    texts = counted.count(Membership(square(0, 0)), "storm", ("sms",), NOW)
    assert (texts.no_contact, texts.skipped) == (len(silent) + len(mailed), {"unverified": 1})


def test_of_however_many_large_alerts_few_recipients_are_kept(
    counted: LiveCount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_count, "LARGE", 2)
    with transaction() as s:
        zone(s)
        for _ in range(3):
            resident(s)
    alerts = [alert_resolved(channels=("sms",)) for _ in range(live_count.TOLD_MOST + 2)]
    for some in (alerts[:1], alerts[1:3], alerts[:4], alerts, alerts[4:]):
        assert counted.count(OrTold(square(5, 5), dict.fromkeys(some, ())), "storm", ("sms",), NOW).by_channel == {
            "sms": 3
        }
        assert counted._known is not None
        assert 0 < len(counted._known.told) <= live_count.TOLD_MOST

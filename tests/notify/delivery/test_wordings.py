"""One alert in several wordings: who lives in some parts of its area reads words of their own, whatever happens to
their message on the way."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_client
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from notify.alerts import follow_up, lifecycle
from notify.alerts.public import verifying
from notify.alerts.words import linting
from notify.alerts.writing import wordings
from notify.alerts.writing.wordings import Part, Wording
from notify.core.db import transaction
from notify.core.errors import Invalid, Refused
from notify.core.settings import settings
from notify.delivery import claims, digests, fanout, held, held_language, latecomers, leases, recovery, senders
from notify.delivery.send_batch import LeasedBatch
from notify.delivery.throttle import Throttle
from notify.delivery.transport import Transport
from notify.models import Alert, Choices, StoredWording
from tests.database import sql
from tests.factories import (
    CREDENTIALS,
    NOW,
    Person,
    alert_draft,
    alert_launched,
    alert_ready,
    alert_resolved,
    operator,
    resident,
    residents,
    resolve,
    sender,
    square,
    zone,
)
from tests.notify.conftest import Providers
from tests.owner import as_owner

# The zone is the square from 0 to 1. The parts are its west, its east, and a corner that is in the east, too.
PARTS = (
    Part(1, square(0.0, 0.0, 0.4), "West"),
    Part(2, square(0.6, 0.0, 0.4), "East"),
    Part(3, square(0.8, 0.0, 0.2), "Corner"),
)
APART = {
    "wording_parts": PARTS,
    "wordings": (
        Wording(frozenset({1}), {"hazard": "tornado"}),
        Wording(frozenset({1, 2}), {"hazard": "wind"}, area={"en": "West and East", "es": "Oeste y Este"}),
    ),
    "blanks": {"hazard": "flood"},
}
WEST, EAST, CORNER, NOWHERE = (0.2, 0.2), (0.7, 0.2), (0.9, 0.1), (0.5, 0.9)


def by_contact() -> dict[int, int]:
    """The wording of each contact's message."""
    return {
        row.contact_id: row.wording
        for row in sql("SELECT d.contact_id, b.wording FROM deliveries d JOIN batches b ON b.id = d.batch_id")
    }


@pytest.mark.parametrize(
    ("person", "wording"),
    [
        ({"at": [WEST]}, 1),
        ({"at": [EAST]}, 0),  # the part alone has no wording
        ({"at": [WEST, EAST]}, 2),
        ({"at": [EAST, WEST]}, 2),
        ({"at": [WEST, (0.3, 0.3)]}, 1),
        ({"at": [WEST, NOWHERE]}, 1),
        ({"at": [WEST, (5.0, 5.0)]}, 1),  # a place outside of the alert's area is none of its parts
        ({"at": [WEST, CORNER]}, 0),  # in three parts, for which nobody wrote
        ({"at": [NOWHERE]}, 0),
        ({"at": [(0.4, 0.4)]}, 1),  # on the border
        ({"at": [(0.405, 0.2)]}, 0),
        ({"at": [(0.405, 0.2)], "radius_m": 1000.0}, 1),  # its disc touches the part
    ],
)
def test_who_reads_which(database: str, person: dict[str, Any], wording: int) -> None:
    person, radius_m = {"at": person["at"]}, person.get("radius_m", 0.0)
    with transaction() as s:
        zone(s)
        resident(s, email="", **person)
        s.execute(text("UPDATE places SET radius_m = :radius"), {"radius": radius_m})
    alert_resolved(channels=("sms", "email"), **APART)
    found = by_contact()
    assert (len(found), set(found.values())) == (2, {wording})


def test_each_wording_has_its_own_words_in_every_language_and_on_every_channel(database: str) -> None:
    with transaction() as s:
        zone(s)
        alert = alert_draft(s, channels=("sms", "email"), **APART)
    rows = sql("SELECT wording, channel, language, text FROM contents WHERE alert_id = :a", a=alert.id)
    assert Counter(row.wording for row in rows) == {0: 4, 1: 4, 2: 4}
    said = {(row.wording, row.channel, row.language): row.text for row in rows}
    for key, words in said.items():
        number, _, language = key
        named = {("en", 0): "flood", ("en", 1): "tornado", ("en", 2): "wind"}
        if language == "en":
            assert named[language, number] in words.lower(), key
        assert ("Oeste y Este" in words) == ((number, language) == (2, "es"))
        assert ("West and East" in words) == ((number, language) == (2, "en"))


@pytest.mark.parametrize(
    ("parts", "others", "wrong"),
    [
        (PARTS, [Wording(frozenset({4}))], "for one that there is not"),
        (PARTS, [Wording(frozenset())], "for no part"),
        (PARTS, [Wording(frozenset({1})), Wording(frozenset({1}))], "for the same parts"),
        ((PARTS[0], PARTS[0]), [Wording(frozenset({1}))], "numbered twice"),
        ((Part(61, PARTS[0].area, ""),), [Wording(frozenset({61}))], "from 1 to 60"),
        (PARTS, [Wording(frozenset({1}), {"hazard": "frogs"})], ""),
    ],
)
def test_wordings_that_cannot_be(database: str, parts: Any, others: Any, wrong: str) -> None:
    with transaction() as s:
        zone(s)
        with pytest.raises(Invalid) as refused:
            alert_draft(s, wording_parts=parts, wordings=others)
    assert wrong in " ".join(refused.value.details)


def test_free_words_in_one_wording_alone_need_two_people(database: str) -> None:
    with transaction() as s:
        zone(s)
        more = {"event": "collection", "blanks": {"day": "2027-01-18"}, "wording_parts": PARTS}
        plain = alert_draft(s, wordings=[Wording(frozenset({1}), {"what": "trash"})], **more)
        free = alert_draft(s, wordings=[Wording(frozenset({1}), {"reason": "Street fair"})], **more)
        named = alert_draft(s, wordings=[Wording(frozenset({1}), area="the west")], **more)
    assert [one.two_people for one in (plain, free, named)] == [[], ["free-words"], ["free-words"]]


def test_an_error_in_one_wording_alone_holds_up_the_approval(database: str) -> None:
    with transaction() as s:
        zone(s)
        bad = Wording(frozenset({1}), {"details": "More at bit.ly/abc."})
        alert = alert_draft(s, channels=("email",), wording_parts=PARTS, wordings=[Wording(frozenset({2})), bad])
        found = [one for one in linting.findings(s, alert, settings()) if one.level == "error"]
        assert {(one.rule, one.wording, one.blank) for one in found} == {("short-link", 2, "details")}
        with pytest.raises(Refused, match="error"):
            linting.require_no_errors(s, alert, operator(s, "approver"), NOW, settings())


def test_what_is_approved_is_every_wording_and_who_reads_it(database: str) -> None:
    with transaction() as s:
        zone(s)
        hashes = set()
        for parts, others in (
            ((), ()),
            (PARTS, APART["wordings"]),
            (PARTS[:2], APART["wordings"]),
            ((Part(1, square(0.0, 0.0, 0.3), "West"), *PARTS[1:]), APART["wordings"]),
            (PARTS, APART["wordings"][:1]),
            (PARTS, (Wording(frozenset({1}), {"hazard": "wind"}),)),
            (PARTS, (Wording(frozenset({2}), {"hazard": "wind"}),)),
        ):
            alert = alert_draft(s, wording_parts=parts, wordings=others, blanks={"hazard": "flood"})
            # The link in the words is the alert's own: without it, equal alerts would have equal hashes.
            words = s.execute(
                text("SELECT string_agg(replace(text, :link, ''), '' ORDER BY wording, language) FROM contents"
                     " WHERE alert_id = :a"), {"link": f"/alerts/{alert.id}", "a": alert.id}
            ).scalar_one()  # fmt: skip
            hashes.add((words, str(wordings.frozen(s, alert.id))))
            assert lifecycle.frozen_hash(s, alert, {}) == lifecycle.frozen_hash(s, alert, {})
    assert len(hashes) == 7


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO wordings (alert_id, wording, parts, blanks) VALUES (:a, 9, '{3}', '{}')",
        "INSERT INTO wording_parts (alert_id, part, area, label) VALUES (:a, 9, '', '')",
        "UPDATE wordings SET parts = '{3}' WHERE alert_id = :a",
        "DELETE FROM wording_parts WHERE alert_id = :a",
        "UPDATE contents SET text = 'x' WHERE alert_id = :a AND wording = 1",
    ],
)
def test_after_the_launch_no_wording_changes(database: str, change: str) -> None:
    with transaction() as s:
        zone(s)
    alert = alert_launched(**APART)
    with pytest.raises(DBAPIError, match="launched"):
        as_owner(change, a=alert)


def test_the_sets_that_occur_are_those_that_are_found_at_the_launch(database: str) -> None:
    with transaction() as s:
        zone(s)
        places = [[WEST], [EAST], [CORNER], [NOWHERE], [WEST, EAST], [WEST, CORNER], [WEST, (0.3, 0.3)], [WEST, EAST]]
        residents(s, [Person(at=at, phone="") for at in places])
        residents(s, [Person(at=[(5.0, 5.0)], phone="")])
    sets = wordings.occurring(square(0.0, 0.0), PARTS, "storm")
    assert sets == {
        frozenset({1}): 2,
        frozenset({2}): 1,
        frozenset({2, 3}): 1,
        frozenset(): 1,
        frozenset({1, 2}): 2,
        frozenset({1, 2, 3}): 1,
    }
    every = [Wording(parts) for parts in sets if parts]
    alert_resolved(wording_parts=PARTS, wordings=every)
    found = Counter(by_contact().values())
    assert found == {number: sets[one.parts] for number, one in enumerate(every, 1)} | {0: sets[frozenset()]}


def test_where_a_part_is_damaged_everybody_gets_the_general_words(database: str) -> None:
    with transaction() as s:
        zone(s)
        resident(s, at=[WEST])
        resident(s, at=[WEST, EAST])
    alert = alert_launched(**APART)
    as_owner(
        "ALTER TABLE wording_parts DISABLE TRIGGER USER",
        "UPDATE wording_parts SET area = 'x' WHERE part = 2",
        "ALTER TABLE wording_parts ENABLE TRIGGER USER",
    )
    resolve(alert)
    assert set(by_contact().values()) == {0}
    assert [row.message for row in sql("SELECT message FROM alarms WHERE alert_id = :a", a=alert)] == [
        f"A part of the area of alert {alert} cannot be read: everybody gets its general words."
    ]


def test_a_resolver_that_takes_over_finds_the_same_wordings(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_SLICE", "SLICE"):
        monkeypatch.setattr(fanout, name, 2)
    with transaction() as s:
        zone(s)
        who = residents(s, [Person(at=[WEST] if n % 3 else [WEST, EAST], phone="") for n in range(12)])
    alert = alert_launched(**APART)
    begun = fanout.resolve(alert, NOW)
    for _ in range(3):
        next(begun)
    begun.close()  # as if its process were killed: the next one begins behind the last commit
    resolve(alert)
    assert by_contact() == {one.sms: 1 if n % 3 else 2 for n, one in enumerate(who)}
    assert len(sql("SELECT 1 FROM deliveries")) == 12


def test_who_joins_later_and_who_was_left_out_get_the_words_of_their_place(database: str) -> None:
    with transaction() as s:
        zone(s)
        left_out = resident(s, at=[WEST, EAST], verified=False)
    alert = alert_resolved(**APART)
    with transaction() as s:
        joined = [resident(s, at=[at]) for at in (WEST, EAST)]
        s.execute(text("UPDATE contacts SET verified_at = :now WHERE id = :id"), {"now": NOW, "id": left_out.sms})
        rung = latecomers.add(s, alert, [one.id for one in (left_out, *joined)], NOW)
    assert by_contact() == {left_out.sms: 2, joined[0].sms: 1, joined[1].sms: 0}
    assert len(rung) == 3


def follow_language(resident_id: int) -> None:
    with transaction() as s:
        held_language.follow(s, resident_id, "es")


def let_go(resident_id: int) -> None:
    with transaction() as s:
        digests.let_go(s, resident_id, datetime.now(UTC))


@pytest.mark.parametrize("change", [follow_language, let_go])
def test_what_is_held_keeps_its_wording(database: str, change: Callable[[int], None]) -> None:
    """Each of these moves a delivery to another batch."""
    with transaction() as s:
        zone(s)
        who = residents(s, [Person(at=[at], phone="", topics=("snow",)) for at in (WEST, WEST, EAST)])
        s.add_all(Choices(subscriber_id=one.id, digest="daily") for one in who)
    alert_resolved(event="snow", wording_parts=PARTS, wordings=(Wording(frozenset({1}), {"inches": "3"}),))
    before = by_contact()
    assert before == {who[0].sms: 1, who[1].sms: 1, who[2].sms: 0}
    batches = "SELECT d.contact_id, d.batch_id FROM deliveries d ORDER BY 1"
    was = dict(map(tuple, sql(batches)))
    for one in (who[0], who[2]):
        change(one.id)
    now = dict(map(tuple, sql(batches)))
    assert [now[one.sms] != was[one.sms] for one in who] == [True, False, True]
    assert by_contact() == before


def test_a_batch_that_is_divided_as_it_is_released_keeps_its_wording(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of its two waits for a newer alert of the same digest, the other goes alone."""
    monkeypatch.setenv("TOCSIN_QUIET_HOURS", "off")
    settings.cache_clear()
    now = datetime.now(UTC)
    with transaction() as s:
        zone(s, now=now)
        zone(s, "Spot", square(0.19, 0.19, 0.02), now=now)
        who = residents(s, [Person(at=[at], topics=("snow",)) for at in (WEST, (0.3, 0.3))], now=now)
        s.add_all(Choices(subscriber_id=one.id, digest="daily") for one in who)
    more = {"event": "snow", "now": now, "expires_at": now + timedelta(days=3)}
    first = alert_resolved(wording_parts=PARTS, wordings=(Wording(frozenset({1}), area="Far West"),), **more)
    alert_resolved(zones=("Spot",), **more)
    as_owner("UPDATE batches SET held_until = now() - interval '1 second'")
    held.release(datetime.now(UTC))
    rows = sql(
        """SELECT d.contact_id, d.state::text, b.wording, b.id FROM deliveries d JOIN batches b ON b.id = d.batch_id
            WHERE d.alert_id = :a ORDER BY 1""",
        a=first,
    )
    assert [(row.contact_id, row.state, row.wording) for row in rows] == [
        (who[0].sms, "held", 1), (who[1].sms, "queued", 1)
    ]  # fmt: skip
    assert rows[0].id != rows[1].id


def send_all(providers: Providers, transport: Transport, redis: "redis_client.Redis") -> None:
    for (batch,) in sql("SELECT id FROM batches WHERE state = 'waiting' ORDER BY id"):
        leased = leases.lease(batch, 60)
        assert leased is not None
        LeasedBatch(leased, providers.settings(), Throttle(redis), transport, threading.Event()).send()


def texts(providers: Providers) -> dict[str, list[str]]:
    got: dict[str, list[str]] = {}
    for one in providers.received():
        got.setdefault(one["to"], []).append(one["body"])
    return got


def test_after_a_killed_worker_and_a_carrier_block_each_reads_their_words_once(
    database: str, redis: "redis_client.Redis", providers: Providers, transport: Transport
) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        zone(s, now=now)
        first = sender(s, now=now)
        senders.add(s, "twilio", "+15555550200", 200.0, now)
        at = [[WEST], [EAST], [WEST, EAST], [NOWHERE]]
        who = residents(s, [Person(at=at[n % 4], phone="") for n in range(24)], now=now)
        for one in who[:4]:  # each of these blocks the first sender: they are passed on
            s.execute(
                text("""INSERT INTO carrier_blocks (sender_id, address_index, at, doubtful)
                        SELECT :sender, address_index, :now, false FROM contacts WHERE id = :contact"""),
                {"sender": first.id, "now": now, "contact": one.sms},
            )
    alert = alert_resolved(now=now, **APART)
    (batch, *_others) = [row.id for row in sql("SELECT id FROM batches WHERE state = 'waiting' ORDER BY wording DESC")]
    # A worker leases a batch and claims from it, and is killed before it posts.
    leased = leases.lease(batch, 60)
    assert leased is not None
    assert claims.claim(leased, first.id, 3, leased.now())
    sql("UPDATE batches SET lease_until = now() - interval '1 second' WHERE id = :id", id=batch)
    recovery.take_back_expired_leases()
    sql("UPDATE deliveries SET state = 'queued', reason = NULL WHERE state IN ('sending', 'unknown')")
    sql("UPDATE batches SET state = 'waiting', not_before = NULL WHERE state = 'unsettled'")
    for _ in range(4):
        sql("UPDATE batches SET not_before = NULL WHERE state = 'waiting'")
        send_all(providers, transport, redis)
    got = texts(providers)
    words = {
        row.wording: row.text
        for row in sql("SELECT wording, text FROM contents WHERE alert_id = :a AND language = 'en'", a=alert)
    }
    expected = {one.phone: [words[(1, 0, 2, 0)[n % 4]]] for n, one in enumerate(who)}
    assert got == expected
    assert {row.state for row in sql("SELECT state FROM deliveries")} <= {"accepted", "delivered"}


def test_a_digest_has_the_words_of_each_ones_place(
    database: str,
    redis: "redis_client.Redis",
    providers: Providers,
    transport: Transport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOCSIN_QUIET_HOURS", "off")
    settings.cache_clear()
    now = datetime.now(UTC)
    with transaction() as s:
        zone(s, now=now)
        sender(s, now=now)
        who = residents(s, [Person(at=[at], phone="", topics=("snow",)) for at in (WEST, EAST)], now=now)
        s.add_all(Choices(subscriber_id=one.id, digest="daily") for one in who)
    for _ in range(2):
        alert_resolved(
            event="snow", now=now, expires_at=now + timedelta(days=3), wording_parts=PARTS,
            wordings=(Wording(frozenset({1}), area="Far West"),),
        )  # fmt: skip
    as_owner("UPDATE batches SET held_until = now() - interval '1 second'")
    held.release(datetime.now(UTC))
    send_all(providers, transport, redis)
    got = {to: one for to, (one,) in texts(providers).items()}
    assert got[who[0].phone].count("Far West") == 2
    assert "Far West" not in got[who[1].phone]
    with transaction() as s:
        for one in got.values():
            assert verifying.is_digest(s, one)
            assert not verifying.is_digest(s, one.replace("snow", "sun").replace("Snow", "Sun"))


def test_a_follow_up_has_the_wordings_of_the_first(database: str) -> None:
    now = datetime.now(UTC)
    with transaction() as s:
        zone(s, now=now)
        sender(s, now=now)
        sender(s, "sendgrid", now=now)
    first = alert_resolved(now=now, **APART)
    with transaction() as s:
        able = settings().model_copy(update=CREDENTIALS)
        made = follow_up.make(s, first, operator(s, "author", now=now), now, able)
        assert wordings.stored(s, made.id) == wordings.stored(s, first) == list(APART["wordings"])
        labels = wordings.labels(s, made.id)
    assert labels == {0: "", 1: "West", 2: "West + East"}
    assert {row.wording for row in sql("SELECT wording FROM contents WHERE alert_id = :a", a=made.id)} == {0, 1, 2}


def test_an_alert_without_wordings_is_approved_by_the_hash_that_it_always_had(database: str) -> None:
    with transaction() as s:
        zone(s)
        alert = alert_ready(s)
        assert wordings.frozen(s, alert.id) == []
        assert not s.query(StoredWording).count()
        assert isinstance(s.get_one(Alert, alert.id).approved_hash, str)

"""A resident who calls has moved, or has another phone; an erased address is free for who says yes anew."""

from typing import Any

import pytest
from sqlalchemy import text

from notify.core import crypto
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, NotFound, Refused
from notify.delivery import claims, leases
from notify.subscribers import changing, export_csv, import_csv, serving
from notify.subscribers.changing import Where
from tests.database import sql
from tests.factories import NOW, Resident, alert_resolved, homes, operator, resident, sender, square, zone
from tests.notify.city.geocoder.town import avenue, house, settle

pytestmark = pytest.mark.usefixtures("database")
NEW = "+12155550199"
HEAD = "phone,email,language,topics,lon,lat,address,label,consent_at,consent_how"


def somebody(**wanted: Any) -> Resident:
    with transaction() as s:
        return resident(s, **wanted)


def move(who: int, where: Where, place: str = "home", label: str = "", role: str = "agent") -> int:
    with transaction() as s:
        return changing.move(s, who, place, where, NOW, operator(s, role), label).id


def correct(who: int, address: str = NEW, how: str = "call to 311", contact: int | None = None) -> str:
    with transaction() as s:
        return changing.correct(s, who, address, how, NOW, operator(s, "agent"), contact)


def erase(who: int) -> None:
    with transaction() as s:
        serving.erase(s, who, NOW, operator(s, "agent"))


def found(address: str) -> Any:
    with transaction() as s:
        return serving.find(s, address, NOW, operator(s, "agent"))


def bring(phone: str, consent_at: str, email: str = "") -> Any:
    how = "sign-up" if consent_at else ""
    line = f"{phone},{email},en,storm,0.5,0.5,,home,{consent_at},{how}"
    return import_csv([HEAD, line], NOW.replace(year=2030), outside=True)


def test_a_place_moves_to_a_street_address_that_is_sealed_and_in_no_audit() -> None:
    settle(houses=[house("12", "ELM ST", -75.5, 39.5)])
    tom = somebody()
    move(tom.id, Where("12 Elm Street"), label="new home")
    with transaction() as s:
        assert homes(s) == [(-75.5, 39.5)]
    ((label, sealed),) = sql("SELECT label, address_sealed FROM places")
    assert (label, crypto.unseal(sealed, "address")) == ("new home", "12 Elm Street")
    ((who, noted),) = sql("""SELECT o.role::text, a.detail::text FROM audit a JOIN operators o ON o.id = a.operator_id
                              WHERE a.action = 'move'""")
    assert who == "agent"
    assert "Elm" not in noted
    assert "75" not in noted


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("150 5th St", "several places fit.* N 5th St.*S 5th St"),
        ("9999 N 5th St", "no such number"),
        ("1 Nowhere Rd", "not known"),
        ("", "Give a street address, or lon and lat"),
    ],
)
def test_an_address_that_is_not_certain_is_asked_about(address: str, words: str) -> None:
    settle([avenue("N 5TH ST", 0), avenue("S 5TH ST", 1)])
    tom = somebody()
    with pytest.raises(Invalid, match=f"(?i){words}"):
        move(tom.id, Where(address))
    with transaction() as s:
        assert homes(s) == [(0.5, 0.5)]


def test_degrees_far_from_the_city_are_confirmed_first() -> None:
    tom = somebody(at=[(0.5, 0.5), (0.6, 0.6)])
    with transaction() as s:
        zone(s)
    first, second = (row[0] for row in sql("SELECT id FROM places ORDER BY id"))
    with pytest.raises(Invalid, match="Several places have this label"):
        move(tom.id, Where(lon=0.7, lat=0.7))
    with pytest.raises(Invalid, match="no such place"):
        move(tom.id, Where(lon=0.7, lat=0.7), "work")
    with pytest.raises(Refused, match="far from the city"):
        move(tom.id, Where(lon=40.0, lat=-75.0), str(first))
    with pytest.raises(Refused, match=f"Place {second} of this resident is there"):
        move(tom.id, Where(lon=0.6, lat=0.6), str(first))
    move(tom.id, Where(lon=40.0, lat=-75.0, outside=True), str(first))
    move(tom.id, Where(lon=0.7, lat=0.7), str(second))
    with transaction() as s:
        assert homes(s) == [(40.0, -75.0), (0.7, 0.7)]


def test_who_may_not_serve_and_who_is_gone_change_nothing() -> None:
    tom = somebody()
    with pytest.raises(NotAllowed):
        move(tom.id, Where(lon=0.1, lat=0.1), role="author")
    with transaction() as s, pytest.raises(NotAllowed):
        changing.correct(s, tom.id, NEW, "call", NOW, operator(s, "author"))
    with pytest.raises(NotFound):
        correct(10**9)
    erase(tom.id)
    with pytest.raises(Refused, match="erased"):
        move(tom.id, Where(lon=0.1, lat=0.1))
    with pytest.raises(Refused, match="erased"):
        correct(tom.id)


def test_a_corrected_phone_has_its_consent_and_the_old_one_is_nobodys() -> None:
    tom = somebody(email="")
    with transaction() as s:
        serving.opt_out(s, tom.phone, "call", NOW, operator(s, "agent"))
    assert correct(tom.id, "(215) 555-0199") == ""
    one = found(NEW).resident
    assert one.id == tom.id
    assert [(c.address, c.verified_at) for c in one.contacts if c.channel == "sms"] == [("***99", NOW)]
    (said,) = (c.consents for c in one.contacts if c.channel == "sms")
    assert [(c.kind, c.how) for c in said] == [("opt-in", "operator, corrected: call to 311")]
    old = found(tom.phone)
    assert old.resident.id != tom.id
    assert old.resident.erased_at == NOW
    assert [one.reason for one in old.suppressions] == ["opt-out"]
    assert sql("SELECT count(*) FROM consents WHERE contact_id = :id", id=tom.sms) == [(2,)]
    with transaction() as s:
        file = "".join(export_csv(s))
    assert NEW in file
    assert tom.phone not in file
    assert sql("SELECT count(*) FROM audit WHERE action = 'correct' AND detail::text LIKE '%5550%'") == [(0,)]
    bad = bring(tom.phone, "").bad  # the city's own list still has it
    assert bad[0].reason.startswith("This resident asked ")


def test_an_address_that_is_somebodys_or_said_stop_is_told() -> None:
    tom, ann = somebody(), somebody()
    with pytest.raises(Refused, match=f"belongs to resident {ann.id}"):
        correct(tom.id, ann.phone)
    with pytest.raises(Refused, match="already"):
        correct(tom.id, tom.phone)
    with pytest.raises(Invalid, match="address"):
        correct(tom.id, "nonsense")
    with pytest.raises(Invalid, match="how"):
        correct(tom.id, how="")
    with transaction() as s:
        serving.opt_out(s, NEW, "STOP", NOW, operator(s, "agent"))
    said = correct(tom.id)
    assert "gets no messages yet: opted out (everything)" in said
    assert "Lifted by" in said
    assert [one.reason for one in found(NEW).suppressions] == ["opt-out"]


def test_a_second_channel_is_added_and_one_of_several_is_named() -> None:
    tom = somebody(email=None)
    correct(tom.id, "tom@example.org")
    assert len(found(tom.phone).resident.contacts) == 2
    other = somebody()
    with transaction() as s:
        s.execute(text("UPDATE contacts SET subscriber_id = :to WHERE id = :id"), {"to": tom.id, "id": other.sms})
    with pytest.raises(Invalid, match=f"several sms contacts: {tom.sms} .*{other.sms} "):
        correct(tom.id)
    correct(tom.id, contact=other.sms)
    assert found(tom.phone).resident.id == found(NEW).resident.id == tom.id


def test_a_message_that_waits_is_not_sent_to_the_old_phone() -> None:
    with transaction() as s:
        zone(s)
        tom, ann = resident(s), resident(s)
    alert_resolved()
    held = leases.lease(sql("SELECT id FROM batches")[0][0], 60)
    assert held is not None
    correct(tom.id)
    with transaction() as s:
        by_sender = sender(s).id
    assert [one.contact_id for one in claims.claim(held, by_sender, 10, NOW) or ()] == [ann.sms]


def test_an_erased_phone_is_free_for_who_says_yes_after_it_and_a_stop_still_holds() -> None:
    tom = somebody()
    with transaction() as s:
        serving.opt_out(s, tom.phone, "call", NOW, operator(s, "agent"))
    erase(tom.id)
    for consent_at in ("", NOW.isoformat()):
        assert bring(tom.phone, consent_at).bad[0].reason.startswith("This resident asked ")
    report = bring(tom.phone, "2029-01-01T00:00:00Z")
    assert (report.kept, report.bad) == (1, ())
    new = found(tom.phone)
    assert new.resident.id != tom.id
    assert new.resident.erased_at is None
    assert [c.how for c in new.resident.contacts[0].consents] == ["sign-up"]
    assert new.resident.alerts == []
    assert [one.reason for one in new.suppressions] == ["opt-out"]
    assert sql("SELECT address_sealed FROM contacts WHERE id = :id", id=tom.sms) == [(None,)]
    assert bring(tom.phone, "2029-01-01T00:00:00Z").bad == ()  # the same file again
    assert len(sql("SELECT 1 FROM subscribers")) == 2


def test_an_alert_reaches_who_came_back_after_an_erasure() -> None:
    tom = somebody()
    erase(tom.id)
    with transaction() as s:
        zone(s)
        by_sender = sender(s).id
    assert bring(tom.phone, "2029-01-01T00:00:00Z").kept == 1
    alert_resolved()
    held = leases.lease(sql("SELECT id FROM batches")[0][0], 60)
    assert held is not None
    (one,) = claims.claim(held, by_sender, 10, NOW) or ()
    assert one.contact_id != tom.sms
    assert crypto.unseal(one.address_sealed, "sms") == tom.phone


def test_a_rehearsal_says_the_same() -> None:
    tom = somebody()
    erase(tom.id)
    lines = [HEAD, *(f"{tom.phone},,en,storm,{lon},40,,home,2029-01-01T00:00:00Z,sign-up" for lon in (-75, -75.1))]
    rehearsed = import_csv(lines, NOW.replace(year=2030), dry_run=True)
    assert rehearsed.bad == ()
    assert rehearsed.new == import_csv(lines, NOW.replace(year=2030)).new


def test_an_erased_phone_may_become_another_residents() -> None:
    tom, ann = somebody(), somebody()
    erase(tom.id)
    correct(ann.id, tom.phone)
    assert found(tom.phone).resident.id == ann.id


def test_who_has_a_damaged_address_is_found_and_it_is_entered_anew() -> None:
    tom = somebody(email="")
    before = sql("SELECT verified_at FROM contacts ORDER BY id")
    with transaction() as s:
        s.execute(text("UPDATE contacts SET address_sealed = '\\x00' WHERE id = :id"), {"id": tom.sms})
    assert tom.phone
    assert [one.address for one in found(tom.phone).resident.contacts if one.id == tom.sms] == [
        "damaged: enter it again"
    ]
    assert correct(tom.id, tom.phone) == ""
    assert [one.address for one in found(tom.phone).resident.contacts if one.id == tom.sms] == [f"***{tom.phone[-2:]}"]
    assert sql("SELECT verified_at FROM contacts ORDER BY id") == before
    with pytest.raises(Refused, match="This resident already has the address"):
        correct(tom.id, tom.phone)


def add(who: int, label: str = "work", where: Where = Where(lon=0.25, lat=0.25), role: str = "agent") -> int:  # noqa: B008
    with transaction() as s:
        return changing.add_place(s, who, label, where, NOW, operator(s, role)).id


def test_a_move_that_is_sent_twice_is_done_once() -> None:
    with transaction() as s:
        zone(s)
        tom = resident(s, at=[(0.5, 0.5)])
    first = move(tom.id, Where(lon=0.7, lat=0.7), label="new home")
    assert move(tom.id, Where(lon=0.7, lat=0.7), label="new home") == first
    with pytest.raises(Invalid, match="no such place"):
        move(tom.id, Where(lon=0.8, lat=0.8), label="new home")
    assert len(sql("SELECT 1 FROM audit WHERE action = 'move'")) == 1


def remove(who: int, place: str, role: str = "agent") -> str:
    with transaction() as s:
        return changing.remove_place(s, who, place, NOW, operator(s, role))


def reached(west: float, south: float) -> list[int]:
    """The residents whom a launch to a square of a tenth of a degree reaches."""
    name = f"{west} {south}"
    with transaction() as s:
        zone(s, name, square(west, south, 0.1))
    alert = alert_resolved(zones=[name])
    where = "JOIN contacts c ON c.id = d.contact_id WHERE d.alert_id = :alert"
    return [row.subscriber_id for row in sql(f"SELECT c.subscriber_id FROM deliveries d {where}", alert=alert)]


def test_alerts_for_a_place_reach_a_resident_from_when_it_is_added_until_it_is_removed() -> None:
    tom = somebody()
    assert reached(0.2, 0.2) == []
    place = add(tom.id)
    assert reached(0.2, 0.2) == [tom.id]
    assert reached(0.45, 0.45) == [tom.id]
    assert remove(tom.id, "Work") == ""
    assert reached(0.2, 0.2) == []
    assert "No place is left" in remove(tom.id, "home")
    acts = sql("SELECT action, detail FROM audit WHERE subject = 'subscriber' ORDER BY id")
    assert [(action, detail["place"]) for action, detail in acts[:2]] == [("add-place", place), ("remove-place", place)]


def test_a_place_is_added_by_a_street_address_that_is_sealed() -> None:
    settle(houses=[house("12", "ELM ST", -75.5, 39.5)])
    tom = somebody()
    add(tom.id, where=Where("12 Elm Street"))
    ((sealed,),) = sql("SELECT address_sealed FROM places WHERE label = 'work'")
    assert crypto.unseal(sealed, "address") == "12 Elm Street"


def test_places_that_cannot_be_added_or_removed() -> None:
    tom, ann = somebody(), somebody()
    with pytest.raises(Refused, match="has a place 'Home'"):
        add(tom.id, "Home")
    with pytest.raises(Refused, match="is there already"):
        add(tom.id, where=Where(lon=0.5, lat=0.5, outside=True))
    with pytest.raises(Invalid, match="needs a label"):
        add(tom.id, " ")
    with pytest.raises(Invalid, match="no such place"):
        remove(tom.id, "work")
    for act in (lambda: add(tom.id, role="author"), lambda: remove(tom.id, "home", role="author")):
        with pytest.raises(NotAllowed):
            act()
    with pytest.raises(NotFound):
        remove(10**9, "home")
    erase(ann.id)
    with pytest.raises(Refused, match="erased"):
        add(ann.id)
    with pytest.raises(Refused, match="erased"):
        remove(ann.id, "home")

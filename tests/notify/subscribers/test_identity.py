"""Who is who: rows of a file are never merged into one resident when they may be about two."""

import random
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import select

from notify.core import points
from notify.core.db import transaction
from notify.models import Subscriber
from notify.subscribers import import_csv, serving
from notify.subscribers.identity import Couples
from tests.factories import NOW, operator
from tests.notify.subscribers.test_importing import ask, everything, lines, row
from tests.owner import as_owner

pytestmark = pytest.mark.usefixtures("database")

P, Q = "+12155550100", "+12155550101"
A, B, C = "a@example.org", "b@example.org", "c@example.org"
HOME = {"lon": "-75.1"}
WORK = {"lon": "-75.2", "label": "work", "address": "2 Elm Street"}
OTHER = {"lon": "-75.3", "label": "other", "address": "3 Oak Street"}


def homes() -> set[frozenset[object]]:
    """What each resident is made of: ("sms" or "email" and index) and places, without ids."""
    return {
        frozenset([*contacts, *(points.open_one(resident, point) for point in places)])
        for resident, contacts, places in ask("""
            SELECT r.id,
                   array(SELECT channel || encode(address_index, 'hex') FROM contacts c WHERE c.subscriber_id = r.id),
                   array(SELECT point_sealed FROM places p WHERE p.subscriber_id = r.id)
              FROM subscribers r""")
    }


def reset() -> None:
    as_owner("TRUNCATE subscribers, contacts, places, preferences, consents, suppressions CASCADE")


def refused(*rows: dict[str, str]) -> dict[int, str]:
    return {bad.line: bad.reason for bad in import_csv(lines(*rows), NOW).bad}


def test_a_new_email_beside_a_known_phone_is_not_merged_into_its_resident() -> None:
    """a@ must not be alerted for the home of b@, nor b@ for that of a@."""
    import_csv(lines(row(phone=P, email=A, topics="storm", **HOME)), NOW)
    before = everything()
    bad = refused(row(phone=P, email=B, topics="snow", language="es", **WORK))
    assert list(bad) == [2]
    assert bad[2].startswith("phone: it belongs to a resident with another email.")
    assert everything() == before


def test_a_new_phone_beside_a_known_email_is_not_merged_into_its_resident() -> None:
    import_csv(lines(row(phone=P, email=A, **HOME)), NOW)
    before = everything()
    bad = refused(row(phone=Q, email=A, **WORK))
    assert bad[2].startswith("email: it belongs to a resident with another phone.")
    assert everything() == before


def test_the_phone_of_one_resident_and_the_email_of_another_change_neither() -> None:
    import_csv(lines(row(phone=P, email=A, **HOME), row(phone=Q, email=B, **WORK)), NOW)
    before = everything()
    assert refused(row(phone=P, email=B, **OTHER))[2].startswith(
        "phone, email: they belong to two different residents."
    )
    assert everything() == before


FILES = {
    "a couple with one landline": ([row(phone=P, email=A, **HOME), row(phone=P, email=B, **WORK)], 2, 0),
    "a family with one email": ([row(phone=P, email=A, **HOME), row(phone=Q, email=A, **WORK)], 2, 0),
    "one person with two places": ([row(phone=P, email=A, **HOME), row(phone=P, email=A, **WORK)], 0, 1),
    "one person by phone, by email and by both": (
        [row(phone=P, email="", **HOME), row(phone="", email=A, **WORK), row(phone=P, email=A, **OTHER)], 0, 1,
    ),
    "a chain": (
        [row(phone=P, email=A, **HOME), row(phone=P, email=B, **WORK), row(phone=Q, email=B, **OTHER)], 3, 0,
    ),
    "a couple, and one of them alone": (
        [row(phone=P, email=A, **HOME), row(phone=P, email=B, **WORK), row(phone="", email=B, **OTHER)], 2, 1,
    ),
    "a conflict beside a good row": (
        [row(phone=P, email=A, **HOME), row(phone=P, email=B, **WORK), row(phone=Q, email=C, **OTHER)], 2, 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("chunk", [1, 5_000])
@pytest.mark.parametrize("name", FILES)
def test_the_order_of_rows_decides_nothing_and_a_second_import_changes_nothing(
    name: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notify.subscribers.importing.CHUNK", chunk)
    rows, conflicts, residents = FILES[name]
    results = []
    for order in permutations(range(len(rows))):
        reset()
        bad = refused(*(rows[n] for n in order))
        results.append((homes(), {order[line - 2] for line in bad}))
        before = everything()
        assert refused(*(rows[n] for n in order)) == bad, "an import that is repeated says the same"
        assert everything() == before
    found, left_out = results[0]
    assert (len(found), len(left_out)) == (residents, conflicts)
    assert all(result == results[0] for result in results)


def test_rows_that_share_an_address_are_reported_with_what_to_do_and_without_the_address() -> None:
    bad = refused(row(phone=P, email=A), row(phone=P, email=B, **WORK))
    assert set(bad) == {2, 3}
    for reason in bad.values():
        assert reason.startswith("phone: the file gives it with more than one email.")
        assert "2155550100" not in reason
        assert "@" not in reason
    assert refused(row(phone=P, email=A), row(phone="", email=B, **WORK)) == {}, "as the report says"


def test_a_row_that_is_left_out_for_another_reason_still_counts_for_who_is_who() -> None:
    assert set(refused(row(phone=P, email=A, lat="x"), row(phone=P, email=B))) == {2, 3}


def test_an_email_is_added_to_a_resident_who_has_none() -> None:
    import_csv(lines(row(phone=P, email="", **HOME)), NOW)
    assert refused(row(phone=P, email=A, **HOME), row(phone="", email=A, **WORK)) == {}
    assert len(homes()) == 1


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    ("stored", "known", "new"), [(row(phone=P, email=""), "phone", "email"), (row(phone="", email=A), "email", "phone")]
)
def test_a_new_address_with_another_home_is_not_given_to_a_known_resident(
    stored: dict[str, str], known: str, new: str, dry_run: bool
) -> None:
    """The number has moved: b@ must not get the home and the topics of who had it, who never had an email."""
    import_csv(lines(stored), NOW)
    before = homes()
    moved = row(phone=P, email=A, topics="heat", language="es", **WORK)
    report = import_csv(lines(moved, row(phone=Q, email=B)), NOW, dry_run=dry_run)
    [bad] = report.bad
    assert (report.kept, bad.line) == (1, 2)
    assert bad.reason.startswith(f"{known}: it belongs to a resident who has no {new} and lives elsewhere.")
    assert not any(told in bad.reason for told in ("2155550100", "@", "Elm"))
    assert (homes() == before) is dry_run
    assert homes() >= before
    assert import_csv(lines(moved), NOW, merge=True, dry_run=dry_run).bad == (), "as the report says"


AT_THE_SAME_ADDRESS = {"lon": "-75.10002", "address": "1 MAIN STREET"}
TO_A_PHONE_AT_HOME = {  # rows, how many are left out, residents
    "a number that has moved": ([row(phone=P, email=A, **WORK)], 1, 1),
    "and its new owner alone": ([row(phone=P, email=A, **WORK), row(phone="", email=A, **WORK)], 1, 2),
    "and who had it": ([row(phone=P, email="", **HOME), row(phone=P, email=A, **WORK)], 1, 1),
    "and a home that is left out": ([row(phone=P, email=A, lat="x"), row(phone=P, email=A, **WORK)], 2, 1),
    "an email, and another place": ([row(phone=P, email=A, **HOME), row(phone=P, email=A, **WORK)], 0, 1),
    "an email, and another place by it": ([row(phone=P, email=A, **HOME), row(phone="", email=A, **WORK)], 0, 1),
    "an email at the same street address": ([row(phone=P, email=A, **AT_THE_SAME_ADDRESS)], 0, 1),
    "an email at the same point": ([row(phone=P, email=A, address="", lon="-75.10000004")], 0, 1),
    "another place": ([row(phone=P, email="", **WORK)], 0, 1),
    "two places of somebody new": ([row(phone=Q, email=A, **WORK), row(phone=Q, email=A, **OTHER)], 0, 2),
    "somebody new by phone, then by both": ([row(phone=Q, email="", **WORK), row(phone=Q, email=A, **OTHER)], 0, 2),
}  # fmt: skip


@pytest.mark.parametrize("chunk", [1, 5_000])
@pytest.mark.parametrize("name", TO_A_PHONE_AT_HOME)
def test_a_known_resident_gets_an_address_only_with_a_place_that_they_have(
    name: str, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever order the rows come, in a dry run, and when the file is imported again."""
    monkeypatch.setattr("notify.subscribers.importing.CHUNK", chunk)
    monkeypatch.setattr("notify.subscribers.newcomers.AT_ONCE", chunk)
    rows, conflicts, residents = TO_A_PHONE_AT_HOME[name]
    results = []
    for order in permutations(range(len(rows))):
        reset()
        import_csv(lines(row(phone=P, email="", **HOME)), NOW)
        file = lines(*(rows[n] for n in order))
        rehearsed = import_csv(file, NOW, dry_run=True)
        done = import_csv(file, NOW)
        assert replace(rehearsed, dry_run=False) == done
        results.append((homes(), {order[bad.line - 2] for bad in done.bad}))
        before = everything()
        assert [bad.line for bad in import_csv(file, NOW).bad] == [bad.line for bad in done.bad]
        assert everything() == before
    assert (len(results[0][0]), len(results[0][1])) == (residents, conflicts)
    assert all(result == results[0] for result in results)


def test_damaged_places_are_nobodys_home_and_stop_no_import() -> None:
    import_csv(lines(row(phone=P, email=""), row(phone=Q, email="", **WORK)), NOW)
    as_owner("UPDATE places SET point_sealed = substr(sha256(point_sealed), 1, 16), address_sealed = 'damaged'")
    assert list(refused(row(phone=P, email=A), row(phone=Q, email=B, address="", lon="-75.2"))) == [2, 3]


def test_a_number_whose_resident_was_erased_is_free_for_another_home() -> None:
    import_csv(lines(row(phone=P, email="")), NOW)
    with transaction() as s:
        [had] = s.scalars(select(Subscriber.id))
        serving.erase(s, had, NOW - timedelta(days=9), operator(s, "agent"))
    again = row(phone=P, email=A, **WORK)
    assert refused(again)[2].startswith("This resident asked to be erased"), "the consent is older"
    assert refused(again | {"consent_at": f"{NOW - timedelta(days=1):%Y-%m-%d}"}) == {}
    assert ask("SELECT count(*) FROM subscribers WHERE erased_at IS NULL") == [1]


def test_who_has_looked_at_the_rows_can_merge_them() -> None:
    rows = [row(phone=P, email=A, **HOME), row(phone=P, email=B, **WORK), row(phone=Q, email=B, **OTHER)]
    assert import_csv(lines(*rows), NOW, merge=True).bad == ()
    assert len(homes()) == 1
    assert refused(*rows) == {}, "they are known as one resident's now"
    assert refused(row(phone=Q, email=C)) != {}
    import_csv(lines(row(phone="", email=C)), NOW)
    two = import_csv(lines(row(phone=Q, email=C)), NOW, merge=True).bad
    assert [bad.reason.partition(".")[0] for bad in two] == ["phone, email: they belong to two different residents"]


def test_partners_of_many_couples() -> None:
    """Against a plain dictionary; with indexes that end in NUL, which numpy takes for padding."""
    draw = random.Random(4)
    some = [draw.randbytes(30) + end for end in (b"\0\0", b"ab", b"\0c") for _ in range(60)]
    pairs = [(draw.choice(some), draw.choice(some)) for _ in range(150)]
    couples = Couples(pairs)
    partners = couples.partners([(channel, index) for channel in ("sms", "email") for index in some])
    assert [] not in partners.values()
    for index in some:
        emails = {e for p, e in pairs if p == index}
        phones = {p for p, e in pairs if e == index}
        assert sorted(partners.get(("sms", index), [])) == sorted(("email", email) for email in emails)
        assert sorted(partners.get(("email", index), [])) == sorted(("sms", phone) for phone in phones)
        assert couples.is_shared(("sms", index)) == (len(emails) > 1)
        assert couples.is_shared(("email", index)) == (len(phones) > 1)
    assert couples.partners([]) == Couples([]).partners([("sms", some[0])]) == {}

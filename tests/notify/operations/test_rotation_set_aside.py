"""A row that cannot be read or changed does not stop a rotation, and is not lost by it."""

import json

import pytest
from typer.testing import CliRunner

from notify.cli.operators import key_commands
from notify.core import crypto
from notify.core.db import transaction
from notify.core.errors import Refused
from notify.operations import rotation
from notify.subscribers import export_csv
from tests.api.people import joined
from tests.factories import NOW, resident
from tests.notify.core.test_keyring import use_keys
from tests.notify.delivery.test_one_bad_row import refuse
from tests.notify.operations.test_rotation import NEW, inside, keys, killed_in, sql, staff_contact, stop, written_to
from tests.owner import as_owner

assert keys  # the fixture


def phones() -> list[str]:
    with transaction() as s:
        return sorted(line.split(",")[0] for line in "".join(export_csv(s)).splitlines()[1:])


def test_what_cannot_be_read_is_counted_named_by_an_alarm_and_by_the_exit_code(keys: pytest.MonkeyPatch) -> None:
    """Also of a rotation that was killed behind it and went on."""
    with transaction() as s:
        tom, ann, bob, *others = (resident(s, email="") for _ in range(12))
    sql("UPDATE contacts SET address_sealed = 'damaged' WHERE id = :id", id=tom.sms)
    sql("UPDATE places SET point_sealed = 'sixteen of noise' WHERE subscriber_id = :id", id=bob.id)
    killed_in("places")
    done = CliRunner().invoke(key_commands, ["rotate", "--json"])
    assert done.exit_code == 1
    told = json.loads(done.stdout[done.stdout.index("{\n") :])
    (place,) = sql("SELECT id FROM places WHERE subscriber_id = :id", id=bob.id)
    assert told["unreadable"] == 2
    assert told["damaged"] == {
        "suppressions": [], "carrier_blocks": [], "inbound": [], "address_ledger": [], "contacts": [tom.sms],
        "places": [place.id],
        "credentials": [], "signing_keys": [], "operator_contacts": [], "joinings": [], "conversations": [],
        "collection_feeds": [], "city_requests": [], "sealed_words": [],
    }  # fmt: skip
    ringing = {row.kind: row.message for row in sql("SELECT kind, message FROM alarms WHERE resolved_at IS NULL")}
    assert f"({tom.sms})" in ringing["unreadable-address"]
    assert f"({place.id})" in ringing["unreadable-place"]
    use_keys(keys, NEW)
    assert sql("SELECT address_sealed FROM contacts WHERE id = :id", id=tom.sms) == [(b"damaged",)], "it is not lost"
    assert inside() == [tom.id, ann.id, *(one.id for one in others)]
    stop(tom.phone, "SM1")
    assert not written_to(tom.phone), "its index is the new key's all the same"


def test_an_alarm_names_the_operators_whose_contacts_or_apps_cannot_be_read(keys: pytest.MonkeyPatch) -> None:
    tom = joined()
    staff_contact(tom.id)
    sql("UPDATE operator_contacts SET address_sealed = 'damaged'")
    sql("UPDATE credentials SET secret_sealed = 'damaged beyond repair'")
    assert rotation.rotate(NOW).unreadable == 2
    ringing = {
        row.about: row.message for row in sql("SELECT about, message FROM alarms WHERE kind = 'unreadable-account'")
    }
    assert ringing.keys() == {"operator_contacts", "credentials"}
    assert all(f"({tom.id})" in message for message in ringing.values())


def test_a_rotation_that_read_everything_ends_with_0(keys: pytest.MonkeyPatch) -> None:
    with transaction() as s:
        resident(s)
    assert CliRunner().invoke(key_commands, ["rotate"]).exit_code == 0
    assert not sql("SELECT 1 FROM alarms")


@pytest.mark.parametrize("table", ["contacts", "places"])
def test_a_row_that_a_trigger_keeps_from_being_changed_is_sealed_anew_at_the_switch(
    keys: pytest.MonkeyPatch, table: str
) -> None:
    with transaction() as s:
        people = [resident(s) for _ in range(8)]
    expected = phones()
    refuse(table, f"OLD.subscriber_id IN ({people[2].id}, {people[7].id})")
    done = rotation.rotate(NOW)
    assert done.rows == {
        "suppressions": 0, "carrier_blocks": 0, "inbound": 0, "address_ledger": 0, "contacts": 8, "places": 8,
        "credentials": 0, "signing_keys": 0, "operator_contacts": 0, "joinings": 0, "conversations": 0,
        "collection_feeds": 0, "city_requests": 0, "sealed_words": 0,
    }  # fmt: skip
    use_keys(keys, NEW)
    assert (phones(), inside()) == (expected, [one.id for one in people])
    (still,) = sql("SELECT tgenabled FROM pg_trigger WHERE tgname = 'refuses'")
    assert still.tgenabled in ("O", b"O"), "the trigger fires again"


def test_a_rule_that_a_row_from_before_breaks_holds_up_nothing_and_rings(keys: pytest.MonkeyPatch) -> None:
    """Each change of that row is held against a rule that was added NOT VALID."""
    with transaction() as s:
        people = [resident(s) for _ in range(8)]
    expected = phones()
    as_owner(f"ALTER TABLE contacts ADD CONSTRAINT odd CHECK (id <> {people[3].sms}) NOT VALID")
    rotation.rotate(NOW)
    use_keys(keys, NEW)
    assert phones() == expected
    (rule,) = sql("SELECT pg_get_constraintdef(oid) AS says FROM pg_constraint WHERE conname = 'odd'")
    assert rule.says == f"CHECK ((id <> {people[3].sms})) NOT VALID"
    (alarm,) = sql("SELECT kind, message FROM alarms")
    assert (alarm.kind, "odd" in alarm.message) == ("refused-row", True)


def test_a_row_that_cannot_be_changed_at_all_leaves_the_old_key_in_force_and_is_named(keys: pytest.MonkeyPatch) -> None:
    """All other rows are ready, and nothing is lost."""
    with transaction() as s:
        people = [resident(s) for _ in range(8)]
    expected = phones()
    refuse("contacts", f"OLD.id = {people[3].sms}")
    as_owner("ALTER TABLE contacts ENABLE ALWAYS TRIGGER refuses")
    with pytest.raises(Refused, match=rf"refuses to change rows of contacts: {people[3].sms}\."):
        rotation.rotate(NOW)
    assert sql("SELECT fingerprint FROM key_ring") == [(crypto.fingerprint(crypto.masters()[1]),)]
    assert (phones(), inside()) == (expected, [one.id for one in people])
    as_owner("DROP TRIGGER refuses ON contacts")
    assert rotation.rotate(NOW).rows["contacts"] == 1
    use_keys(keys, NEW)
    assert phones() == expected

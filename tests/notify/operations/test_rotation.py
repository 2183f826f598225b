"""The secret key is replaced while everything runs."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from shapely.geometry import Polygon
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify import audience
from notify.accounts import codes, contacts
from notify.alerts.public import signing
from notify.channels.contract import Inbound
from notify.core import crypto, db, keyring, statements
from notify.core.db import transaction
from notify.core.errors import Invalid, Refused, WrongKey
from notify.delivery import carrier_blocks, join_codes, sealed_words, sender_pool
from notify.inbound import messages
from notify.models import Base, Credential, DirectMessage, Joining, Operator, SigningKey
from notify.operations import rotation
from notify.service311.open311 import filing
from notify.service311.open311.client import Wanted
from notify.service311.outputs import households
from notify.subscribers import addresses, consent, entering, exporting, joining, questions
from tests.api.people import joined
from tests.conftest import SECRET_KEY
from tests.database import sql
from tests.factories import NOW, homes, move, operator, resident, sender, square
from tests.notify.core.test_keyring import use_keys
from tests.owner import as_owner
from zones.membership import Membership

HOME = square(0, 0)
NEW, THIRD = "the key that comes after it, long enough", "and yet another one, which is long enough"


class Killed(Exception):
    """The process ended here."""


@pytest.fixture
def keys(own_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A process that knows both keys, of which the old one is in force."""
    with transaction() as s:
        s.execute(text("SELECT 1"))
    use_keys(monkeypatch, NEW, previous=SECRET_KEY)
    monkeypatch.setattr(rotation, "AT_ONCE", 3)
    yield monkeypatch
    db.forget_engine()


def kept_words(s: Session, contact: int | None) -> DirectMessage:
    """Somebody was sent a calendar."""
    mailed = DirectMessage(
        kind="calendar", contact_id=contact, step=1, channel="email", subject="", text="", state="accepted", made_at=NOW
    )
    s.add(mailed)
    sealed_words.keep(s, mailed, "Monday: trash", "1 Main St")
    return mailed


def schema() -> list[Any]:
    """Columns, rules, indexes and triggers of the keyed tables, whatever their order."""
    names = [keyed.table for keyed in rotation.KEYED]
    return sql(
        """SELECT 'column', table_name || column_name, is_nullable FROM information_schema.columns
            WHERE table_name = ANY(:names)
           UNION SELECT 'rule', conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE conrelid::regclass::text = ANY(:names)
           UNION SELECT 'index', indexname, indexdef FROM pg_indexes WHERE tablename = ANY(:names)
           UNION SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger
            WHERE tgrelid::regclass::text = ANY(:names) AND NOT tgisinternal ORDER BY 1, 2""",
        names=names,
    )


def staff_contact(operator_id: int) -> None:
    """A phone of an operator's own."""
    with transaction() as s:
        contacts.add(s, s.get_one(Operator, operator_id), "sms", "+12155550100", NOW)


def half_joined() -> str:
    """Somebody who waits for a code; the token of their page."""
    sender_pool.read_anew()
    with transaction() as s:
        wish = joining.Wish(0.5, 0.5, "home", "1 Main St")
        return joining.begin(s, "+12155550123", wish, language="en", words="", network="", now=NOW)


def killed_in(table: str) -> None:
    def stop(of: str, _rows: int) -> None:
        if of == table:
            raise Killed

    with pytest.raises(Killed):
        rotation.rotate(NOW, on_progress=stop)


def written_to(phone: str) -> bool:
    """Whether the claim would find a suppression of this number's contact."""
    with transaction() as s:
        keyring.hold(s)
        contacts = s.execute(
            text("""SELECT x.id FROM contacts c LEFT JOIN suppressions x USING (channel, address_index)
                     WHERE c.address_index = :index"""),
            {"index": addresses.index("sms", phone)},
        ).all()
    assert len(contacts) == 1, "the contact is found by the index in force"
    return contacts[0].id is None


def inside(area: Polygon = HOME) -> list[int]:
    with transaction() as s:
        found: list[int] = audience.residents_inside(s, Membership(area), NOW).tolist()
        return found


def stop(phone: str, reference: str, words: str = "STOP") -> None:
    with transaction() as s:
        messages.receive(s, "twilio", Inbound(phone, "+15555550100", words, reference), NOW)


def test_everything_is_sealed_and_indexed_anew_and_the_schema_is_the_same(keys: pytest.MonkeyPatch) -> None:
    with transaction() as s:
        sender(s)
        people = [resident(s, email="") for _ in range(8)]
        s.execute(text("UPDATE places SET address_sealed = :sealed"), {"sealed": crypto.seal("1 Main St", "address")})
    stop(people[0].phone, "SM1")
    maria = joined()
    staff_contact(maria.id)
    page = half_joined()
    with transaction() as s:
        number = s.scalars(select(Joining.id)).one()
        code = join_codes.new_code(s, number, "sms", NOW) or ""
    open_page = crypto.sign_token("resident", "1.1.0")
    link = entering.link(1).rpartition("/")[2]
    with transaction() as s:
        asked = addresses.index("sms", people[1].phone)
        questions.ask(s, "sms", asked, questions.STILL_THERE, text=questions.PLACE, now=NOW, place="1 Main St")
    with transaction() as s:
        calendar = households.begin(s, "1 Main St", 0.5, 0.5, "en", NOW)
        mailed = kept_words(s, people[0].mail).id
        filing.begin(s, uuid4(), "Pothole", Wanted("1", "A hole", "1 Main St"), operator(s, "agent"), NOW)
        kid = signing.renew(s, None, NOW).kid
        exported = list(exporting.export_csv(s))
    before = schema()
    done = rotation.rotate(NOW)
    assert done.rows == {
        "suppressions": 1,
        "carrier_blocks": 1,
        "inbound": 1,
        "address_ledger": 1,
        "contacts": 16,
        "places": 8,
        "credentials": 1,
        "operator_contacts": 1,
        "joinings": 1,
        "conversations": 1,
        "sealed_words": 1,
        "collection_feeds": 1,
        "city_requests": 1,
        "signing_keys": 1,
    }
    assert schema() == before
    use_keys(keys, NEW)
    with transaction() as s:
        secret = bytes.fromhex(crypto.unseal(s.scalars(select(SigningKey.secret_sealed)).one(), signing.PURPOSE))
        assert statements.thumbprint(statements.public_of(secret)) == kid
        assert [*exporting.export_csv(s)] == exported
        assert households.find(s, calendar).place == (0.5, 0.5)
        assert sealed_words.words(s, mailed) == "Monday: trash"
        assert filing.latest(s, NOW)[0].wanted.address == "1 Main St"
        assert crypto.unseal(s.scalars(select(Credential.secret_sealed)).one(), codes.PURPOSE) == maria.secret
        assert joining.confirm(s, page, code, NOW).is_new, "a code sent before the rotation is good to its end"
        s.rollback()
    assert crypto.read_token("entered", link)
    with pytest.raises(Invalid):  # whoever has the former key could make it for anybody
        crypto.read_token("resident", open_page)
    with transaction() as s:
        talk = questions.waiting(s, "sms", addresses.index("sms", people[1].phone), NOW)
    assert talk == {"place": "1 Main St"}
    assert not written_to(people[0].phone)
    assert written_to(people[1].phone)
    with transaction() as s:
        blocked = [carrier_blocks.senders(s, "sms", addresses.index("sms", p.phone)).blocked for p in people[:2]]
        assert homes(s) == [(0.5, 0.5)] * 8
    assert blocked == [("+15555550100",), ()]
    assert inside() == [person.id for person in people]
    assert not sql("SELECT 1 FROM resident_changes WHERE at > (SELECT since FROM key_ring)")
    use_keys(keys, SECRET_KEY)
    with pytest.raises(WrongKey):
        sql("SELECT 1")


@pytest.mark.parametrize("table", [keyed.table for keyed in rotation.KEYED])
def test_it_goes_on_after_a_kill_and_a_stop_meanwhile_holds(keys: pytest.MonkeyPatch, table: str) -> None:
    staff_contact(joined().id)
    with transaction() as s:
        sender(s)
    half_joined()
    with transaction() as s:
        signing.renew(s, None, NOW)
        households.begin(s, "1 Main St", 0.5, 0.5, "en", NOW)
        filing.begin(s, uuid4(), "Pothole", Wanted("1", "A hole", "1 Main St"), operator(s, "agent"), NOW)
        people = [resident(s) for _ in range(10)]
        kept_words(s, people[0].sms)
        s.execute(text("UPDATE places SET address_sealed = :sealed"), {"sealed": crypto.seal("1 Main St", "address")})
    for number in (0, 1):
        stop(people[number].phone, f"SM{number}")
    stop("+12155550888", "SM-join", "JOIN")  # a conversation
    killed_in(table)
    for number in (2, 9):  # one whose row is done, perhaps, and one whose is not
        stop(people[number].phone, f"SM{number}")
    stop(people[1].phone, "SM-back", "START")
    stop("+12155550777", "SM-stranger")
    with transaction() as s:
        consent.opt_out(s, "sms", people[5].sms or 0, how="a test", now=NOW)
        late = resident(s)
    rotation.rotate(NOW)
    use_keys(keys, NEW)
    assert [written_to(person.phone) for person in (*people, late)] == [
        False, True, False, True, True, False, True, True, True, False, True,
    ]  # fmt: skip
    with transaction() as s:
        assert consent.opt_back_in(s, "sms", "+12155550777", how="a test", now=NOW)
        assert not consent.opt_out(s, "sms", people[9].phone, how="again", now=NOW)
    stop(late.phone, "SM-late")
    assert not written_to(late.phone)


def test_homes_are_found_before_during_and_after_and_who_moves_meanwhile_has_moved(keys: pytest.MonkeyPatch) -> None:
    with transaction() as s:
        people = [resident(s, at=[(0.1 + n / 20, 0.5)]) for n in range(10)]
    ids = [person.id for person in people]
    killed_in("places")
    assert inside() == ids, "some are sealed with both keys"
    with transaction() as s:
        keyring.hold(s)
        for number in (1, 8):  # one whose row is done, and one whose is not
            move(s, ids[number], 7.0, 0.5)
        late = resident(s, at=[(0.8, 0.8)])
    assert inside() == [*ids[:1], *ids[2:8], ids[9], late.id]
    rotation.rotate(NOW)
    assert inside() == [*ids[:1], *ids[2:8], ids[9], late.id]
    crypto.use(crypto.Ring(SECRET_KEY.encode()))  # as in a process that has not noticed yet
    assert inside() == [*ids[:1], *ids[2:8], ids[9], late.id]
    use_keys(keys, NEW)
    assert inside() == [*ids[:1], *ids[2:8], ids[9], late.id]
    assert inside(square(6.5, 0)) == [ids[1], ids[8]]
    with transaction() as s:
        assert homes(s)[0] == (0.1, 0.5)
        assert homes(s)[-1] == (0.8, 0.8)


def test_a_damaged_place_stays_damaged_and_keeps_nobody_waiting(keys: pytest.MonkeyPatch) -> None:
    with transaction() as s:
        people = [resident(s) for _ in range(4)]
    sql("UPDATE places SET point_sealed = 'sixteen of noise' WHERE subscriber_id = :id", id=people[1].id)
    assert rotation.rotate(NOW).unreadable == 1
    use_keys(keys, NEW)
    assert inside() == [people[0].id, people[2].id, people[3].id]
    assert len(sql("SELECT 1 FROM places WHERE point_sealed = 'sixteen of noise'")) == 1


def test_what_was_erased_meanwhile_stays_erased_and_still_counts(keys: pytest.MonkeyPatch) -> None:
    with transaction() as s:
        people = [resident(s) for _ in range(6)]
    stop(people[0].phone, "SM1")
    killed_in("contacts")
    sql("UPDATE contacts SET address_sealed = NULL WHERE id IN (:a, :b)", a=people[0].sms, b=people[5].sms)
    rotation.rotate(NOW)
    assert len(sql("SELECT 1 FROM contacts WHERE address_sealed IS NULL")) == 2
    assert not written_to(people[0].phone), "its index is made from the old one, without the address"


def test_a_second_rotation_follows_the_first(keys: pytest.MonkeyPatch) -> None:
    with transaction() as s:
        tom, ann = resident(s), resident(s)
    link = crypto.sign_token("unsubscribe", f"{ann.sms}.storm")
    stop(tom.phone, "SM1")
    rotation.rotate(NOW)
    use_keys(keys, THIRD, previous=NEW)
    rotation.rotate(NOW)
    use_keys(keys, THIRD)
    assert not written_to(tom.phone)
    with transaction() as s:
        consent.unsubscribe(s, link, everything=True, now=NOW)
    assert not written_to(ann.phone), "a link in mail of two keys ago"
    forged = crypto.sign_token("session", "1.1")
    use_keys(keys, THIRD)
    with pytest.raises(Invalid):
        crypto.read_token("unsubscribe", forged)


def test_it_is_refused_while_a_process_lacks_a_key(keys: pytest.MonkeyPatch, own_database: str) -> None:
    with (
        psycopg.connect(own_database, application_name="tocsin worker 7 0123456789ab"),
        pytest.raises(Refused, match=r"do not know both keys .* worker \(process 7 on 127\.0\.0\.1\)"),
    ):
        rotation.rotate(NOW)
    assert sql("SELECT next FROM key_ring")[0].next is None


def test_only_the_key_that_was_begun_with_is_brought_in(keys: pytest.MonkeyPatch) -> None:
    with transaction() as s:
        resident(s)
    killed_in("contacts")
    use_keys(keys, THIRD, previous=SECRET_KEY)
    with pytest.raises(Refused, match="another key has begun"):
        rotation.rotate(NOW)
    use_keys(keys, NEW, previous=SECRET_KEY)
    rotation.rotate(NOW)
    with pytest.raises(Refused, match="already in force"):
        rotation.rotate(NOW)
    use_keys(keys, NEW)
    with pytest.raises(Invalid, match="TOCSIN_PREVIOUS_SECRET_KEY is not set"):
        rotation.rotate(NOW)


def test_a_damaged_address_keeps_nobody_waiting(keys: pytest.MonkeyPatch) -> None:
    with transaction() as s:
        people = [resident(s) for _ in range(4)]
    sql("UPDATE contacts SET address_sealed = 'damaged' WHERE id = :id", id=people[1].sms)
    assert rotation.rotate(NOW).unreadable == 1
    stop(people[1].phone, "SM1")
    assert not written_to(people[1].phone)


def test_rules_that_a_kill_left_unproven_are_proven_by_the_next_run(keys: pytest.MonkeyPatch) -> None:
    """It was killed after the switch. The rules hold for new rows; whether all others obey, nobody had looked."""
    with transaction() as s:
        resident(s)
    before = schema()
    rotation.rotate(NOW)
    (rule,) = sql("""SELECT conname, pg_get_constraintdef(oid) AS says FROM pg_constraint
                      WHERE conrelid = 'contacts'::regclass AND contype = 'c'
                        AND pg_get_constraintdef(oid) ~ 'address_index'""")
    as_owner(
        f"ALTER TABLE contacts DROP CONSTRAINT {rule.conname}",
        f"ALTER TABLE contacts ADD CONSTRAINT {rule.conname} {rule.says} NOT VALID",
        "ALTER TABLE contacts ALTER COLUMN address_index DROP NOT NULL",
        """ALTER TABLE contacts ADD CONSTRAINT contacts_address_index_filled
               CHECK (address_index IS NOT NULL) NOT VALID""",
    )
    assert schema() != before
    with pytest.raises(Refused, match="already in force"):
        rotation.rotate(NOW)
    assert schema() == before


def test_every_keyed_column_is_rotated() -> None:
    ours = {(keyed.table, column) for keyed in rotation.KEYED for column in keyed.columns}
    found = {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name.endswith(("_index", "_sealed"))
    }
    assert found == ours


def test_mail_that_went_out_before_is_still_known_as_ours(keys: pytest.MonkeyPatch) -> None:
    """Bounces come for days: during the rotation, after it, and after the one that follows."""
    before = crypto.proof(7, "ana@example.org")
    rotation.rotate(NOW)
    during = crypto.proof(7, "ana@example.org")
    for masters in ((NEW, SECRET_KEY), (NEW, "")):
        use_keys(keys, masters[0], previous=masters[1])
        sql("SELECT 1")
        assert crypto.is_proof(before, 7, "Ana@example.org")
        assert crypto.is_proof(during, 7, "ana@example.org")
    use_keys(keys, THIRD, previous=NEW)
    rotation.rotate(NOW)
    use_keys(keys, THIRD)
    sql("SELECT 1")
    assert crypto.is_proof(before, 7, "ana@example.org")
    assert not crypto.is_proof(before, 8, "ana@example.org")
    assert not crypto.is_proof(before, 7, "ben@example.org")

"""What an operator does for a resident who calls."""

from typing import Any, get_args

import pytest
from shapely.geometry import box
from sqlalchemy import text

from notify.channels.channel import of_residents
from notify.core import reasons
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, NotFound, Refused
from notify.delivery import claims, leases, senders
from notify.models import Base, Topic
from notify.models.subscriber import SuppressionReason
from notify.subscribers import export_csv, holdings, serving
from tests.database import sql
from tests.factories import NOW, Resident, alert_resolved, operator, outage, resident, sender, zone

pytestmark = pytest.mark.usefixtures("database")

# Every table that holds something of a resident, and what erasing does to it.
HELD = {
    "contacts": "the address is emptied; its keyed index stays, so that a STOP holds",
    "address_checks": "stays: that somebody was asked, without an address",
    "conversations": "deleted",
    "arrivals": "deleted",
    "choices": "deleted",
    "direct_messages": "deleted",
    "import_asks": "deleted",
    "sealed_words": "deleted with its message",
    "joinings": "deleted, as all are after a day",
    "places": "deleted",
    "preferences": "deleted",
    "outage_reports": "deleted",
    "reminder_wishes": "deleted",
    "reminders": "deleted",
    "subscribers": "erased_at is set, the language goes",
    "consents": "stays: the proof of what was said, with no address",
    "suppressions": "stays, by index",
    "carrier_blocks": "stays, by index",
    "address_ledger": "stays, by index: what was suppressed, lifted and erased, and when",
    "inbound": "stays: a meaning by index, no words",
    "deliveries": "stays: which contact got which alert",
    "resident_changes": "stays until swept: ids only",
}


def somebody(**wanted: Any) -> Resident:
    with transaction() as s:
        return resident(s, email="", **wanted)


def test_a_resident_is_found_by_phone_as_written_and_masked() -> None:
    tom = somebody(topics=("storm", "snow"))
    with transaction() as s:
        found = serving.find(s, f" {tom.phone[2:5]}-{tom.phone[5:8]}-{tom.phone[8:]}", NOW, operator(s, "agent"))
    assert found.resident is not None
    assert found.resident.id == tom.id
    assert [c.address for c in found.resident.contacts] == [f"***{tom.phone[-2:]}", "r***@example.org"]
    assert [t.topic for t in found.resident.topics] == ["snow", "storm"] or len(found.resident.topics) == 2
    assert [p.label for p in found.resident.places] == ["home"]
    assert [(c.kind, c.how) for c in found.resident.contacts[0].consents] == [("opt-in", "a test")]
    ((who, detail),) = sql("""SELECT o.email, a.detail::text FROM audit a JOIN operators o ON o.id = a.operator_id
                               WHERE a.action = 'find'""")
    assert who == "agent@tocsin.example.org"
    assert tom.phone not in detail


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({}, ""),
        ({"verified": False}, "No alert goes to it yet: not verified."),
        ({"topics": ()}, "No alert goes to it yet: no topics are chosen."),
        ({"at": ()}, "Only alerts for the whole city go to it: there is no place of theirs."),
    ],
)
def test_who_lifts_hears_what_else_keeps_messages_away(wanted: dict[str, Any], told: str) -> None:
    tom = somebody(**wanted)
    with transaction() as s:
        agent = operator(s, "agent")
        serving.opt_out(s, tom.phone, "call to 311", NOW, agent)
        assert serving.lift(s, tom.phone, "opt-out", "call to 311", NOW, agent) == told


@pytest.mark.parametrize("act", ["find", "show", "opt_out", "lift", "erase"])
def test_an_author_may_do_nothing_of_it(act: str) -> None:
    tom = somebody()
    with transaction() as s:
        by = operator(s, "author")
        given: dict[str, tuple[Any, ...]] = {
            "find": (tom.phone,), "show": (tom.id,), "opt_out": (tom.phone, "call"),
            "lift": (tom.phone, "invalid", "call"), "erase": (tom.id,),
        }  # fmt: skip
        with pytest.raises(NotAllowed):
            getattr(serving, act)(s, *given[act], NOW, by)


def test_an_opt_out_by_an_operator_is_explained_and_lifted_on_request() -> None:
    tom = somebody()
    with transaction() as s:
        by = operator(s, "agent")
        assert serving.opt_out(s, tom.phone, "call to 311", NOW, by, Topic.STORM)
        assert not serving.opt_out(s, tom.phone, "call to 311", NOW, by, Topic.STORM)
        (one,) = serving.find(s, tom.phone, NOW, by).suppressions
        assert (one.topic, one.reason, one.words) == ("storm", "opt-out", "opted out")
        assert "request" in one.lifted_by
        with pytest.raises(Refused):
            serving.lift(s, tom.phone, "opt-out", "call to 311", NOW, by)  # of everything: there is none
        assert serving.lift(s, tom.phone, "opt-out", "call to 311", NOW, by, Topic.STORM) == ""
        assert serving.find(s, tom.phone, NOW, by).suppressions == []
    said = sql("SELECT kind, how FROM consents WHERE contact_id = :id AND how <> 'a test' ORDER BY id", id=tom.sms)
    assert said == [("opt-out", "operator: call to 311"), ("opt-in", "operator, on request: call to 311")]


def test_a_damaged_contact_keeps_nobody_from_being_served() -> None:
    """Whether an address is known, and whose it is, is asked without reading all that is known of that resident."""
    tom = somebody()
    with transaction() as s:
        s.execute(text("UPDATE contacts SET address_sealed = 'damaged' WHERE id = :id"), {"id": tom.mail})
        by = operator(s, "agent")
        assert serving.opt_out(s, tom.phone, "call to 311", NOW, by)
        assert serving.is_known(s, tom.phone)
        assert not serving.is_known(s, "+12155550000")
        serving.lift(s, tom.phone, "opt-out", "call to 311", NOW, by)
        found = serving.find(s, tom.phone, NOW, by).resident
    assert found is not None
    assert [c.address for c in found.contacts] == [f"***{tom.phone[-2:]}", "damaged: enter it again"]


def test_for_an_email_no_text_message_leads_back() -> None:
    tom = somebody()
    with transaction() as s:
        by = operator(s, "agent")
        for address in (tom.phone, tom.email):
            serving.opt_out(s, address, "call to 311", NOW, by)
        (phone,), (mail,) = (serving.find(s, address, NOW, by).suppressions for address in (tom.phone, tom.email))
    assert "START by text" in phone.lifted_by
    assert "START" not in mail.lifted_by
    assert "Undo" in mail.lifted_by


@pytest.mark.parametrize("channel", of_residents())
def test_every_suppression_says_what_lifts_it(channel: str) -> None:
    assert reasons.lifting()[channel].keys() == set(get_args(SuppressionReason))
    assert channel == "sms" or "text" not in " ".join(reasons.lifting()[channel].values())


def test_lifting_another_reason_leaves_the_opt_out() -> None:
    tom = somebody()
    with transaction() as s:
        by = operator(s, "agent")
        serving.opt_out(s, tom.phone, "call", NOW, by)
        s.execute(
            text("""INSERT INTO suppressions (channel, address_index, reason, at)
                    SELECT channel, address_index, 'invalid', :now FROM contacts WHERE id = :id"""),
            {"now": NOW, "id": tom.sms},
        )
        serving.lift(s, tom.phone, "invalid", "it works again", NOW, by)
        assert [one.reason for one in serving.find(s, tom.phone, NOW, by).suppressions] == ["opt-out"]


def test_after_a_stop_that_the_carrier_keeps_too_lifting_says_that_only_start_helps() -> None:
    tom = somebody()
    with transaction() as s:
        by, number = operator(s, "agent"), sender(s)
        serving.opt_out(s, tom.phone, "call", NOW, by)
        s.execute(
            text("""INSERT INTO carrier_blocks (sender_id, address_index, at)
                    SELECT :sender, address_index, :now FROM contacts WHERE id = :id"""),
            {"sender": number.id, "now": NOW, "id": tom.sms},
        )
        assert "START" in serving.lift(s, tom.phone, "opt-out", "call", NOW, by)
        resident_found = serving.find(s, tom.phone, NOW, by).resident
        assert resident_found is not None
        assert "START" in resident_found.contacts[0].carrier_block
        senders.add(s, "twilio", "+15555550101", 1.0, NOW)  # another number reaches the phone
        serving.opt_out(s, tom.phone, "call", NOW, by)
        assert serving.lift(s, tom.phone, "opt-out", "call", NOW, by) == ""


@pytest.mark.parametrize("address", ["nonsense", "a@", "", "12"])
def test_what_is_no_address_is_refused_without_repeating_it(address: str) -> None:
    with transaction() as s, pytest.raises(Invalid) as refused:
        serving.find(s, address, NOW, operator(s, "agent"))
    assert "nonsense" not in str(refused.value)


@pytest.mark.parametrize("how", ["called from {}", "mail of tom@example.org", "texted (215) 555-0100, from {}"])
def test_no_address_comes_into_the_audit_or_the_consents_as_a_proof(how: str) -> None:
    tom = somebody()
    phone = f"{tom.phone[2:5]}-{tom.phone[5:8]}-{tom.phone[8:]}"
    with transaction() as s:
        by = operator(s, "agent")
        for act in (
            lambda: serving.opt_out(s, tom.phone, how.format(phone), NOW, by),
            lambda: serving.lift(s, tom.phone, "invalid", how.format(phone), NOW, by),
        ):
            with pytest.raises(Invalid, match="leave out phone numbers") as refused:
                act()
            assert phone not in str(refused.value)
        assert serving.opt_out(s, tom.phone, "call to 311, ticket 20260704-001234", NOW, by)


def test_an_erased_resident_is_gone_and_the_stop_stays() -> None:
    tom = somebody()
    with transaction() as s:
        by = operator(s, "agent")
        serving.opt_out(s, tom.phone, "call", NOW, by)
        serving.erase(s, tom.id, NOW, by)
    with transaction() as s:
        by = operator(s, "agent")
        found = serving.find(s, tom.phone, NOW, by)
        assert found.resident is not None
        assert found.resident.erased_at == NOW
        assert [c.address for c in found.resident.contacts] == ["", ""]
        assert [one.reason for one in found.suppressions] == ["opt-out"]
        assert (found.resident.places, found.resident.topics) == ([], [])
        assert tom.phone not in "".join(export_csv(s))
        with pytest.raises(Refused, match="already"):
            serving.erase(s, tom.id, NOW, by)
        with pytest.raises(NotFound):
            serving.erase(s, 10**9, NOW, by)
    assert sql("SELECT count(*) FROM contacts WHERE address_sealed IS NOT NULL OR verified_at IS NOT NULL") == [(0,)]
    assert sql("SELECT count(*) FROM consents WHERE contact_id = :id", id=tom.sms) == [(2,)]


def test_every_table_that_holds_something_of_a_resident_has_its_rule() -> None:
    ours = {"subscriber_id", "contact_id", "address_index", "address_sealed", "kept_sealed"}
    holding = {
        table.name
        for table in Base.metadata.sorted_tables
        if ours & set(table.columns.keys())
        or any(key.column.table.name in {"subscribers", "contacts"} for key in table.foreign_keys)
    }
    # Of staff, of whoever has the secret address, and of an address that somebody called about.
    of_no_resident = {"operator_contacts", "collection_feeds", "city_requests"}
    assert (holding | {"subscribers"}) - of_no_resident == set(HELD)


def test_an_erasure_empties_every_table_of_which_the_rule_says_so() -> None:
    tom = somebody(topics=("storm",))
    whose = {"id": tom.id, "contact": tom.sms}
    fill = (
        "INSERT INTO choices (subscriber_id, timezone) VALUES (:id, 'America/New_York')",
        "INSERT INTO arrivals (subscriber_id, at, due_at) VALUES (:id, now(), now())",
        "INSERT INTO import_asks (contact_id, made_at) VALUES (:contact, now())",
        "INSERT INTO outage_reports SELECT o.id, :id, now(), now(), NULL, 1, 1 FROM outages o",
        "INSERT INTO reminder_wishes VALUES (:id, 18, 'sms', now(), '2026-12-01', 1)",
        "INSERT INTO collection_editions (number, published_at, note) VALUES (1, now(), '')",
        """INSERT INTO reminders (subscriber_id, kind, day, edition, true_in, said, places, made_at, until)
           VALUES (:id, 'evening', '2026-12-01', 1, 1, '[]', '{}', now(), now())""",
        """INSERT INTO conversations (channel, address_index, changed_at, ends_at)
           SELECT channel, address_index, now(), now() FROM contacts WHERE id = :contact""",
        """INSERT INTO direct_messages (kind, contact_id, step, channel, subject, text, state, made_at)
           VALUES ('question', :contact, 1, 'sms', '', 'Still at 12 Main St?', 'waiting', now())""",
        """WITH m AS (INSERT INTO direct_messages (kind, contact_id, step, channel, subject, text, state, made_at)
                      VALUES ('calendar', :contact, 1, 'email', '', '', 'waiting', now()) RETURNING id)
           INSERT INTO sealed_words (message_id, channel, kept_sealed) SELECT id, 'email', 'x' FROM m""",
        """INSERT INTO joinings (token_hash, channel, address_sealed, language, words, made_at, code_ends_at,
                                 contact_id, ended_at)
           SELECT 'x', channel, address_sealed, 'en', '', now(), now(), id, now() FROM contacts WHERE id = :contact""",
    )
    with transaction() as s:
        outage(s, box(0, 0, 1, 1))
        for statement in fill:
            s.execute(text(statement), whose)
    deleted = [table for table, rule in HELD.items() if rule.startswith("deleted")]
    values = {"id": tom.id, "since": NOW}

    def rows(table: str) -> int:
        return int(sql(f"SELECT count(*) FROM {table} t WHERE {holdings.HELD[table].whose}", **values)[0][0])

    assert {table for table in deleted if not rows(table)} == set(), "each has something to delete"
    with transaction() as s:
        serving.erase(s, tom.id, NOW, operator(s, "agent"))
    assert {table for table in deleted if rows(table)} == set()


def test_a_message_that_waits_is_not_sent_to_who_was_erased_meanwhile() -> None:
    with transaction() as s:
        zone(s)
        tom, ann = resident(s), resident(s)
    alert = alert_resolved()
    held = leases.lease(sql("SELECT id FROM batches")[0][0], 60)
    assert held is not None
    with transaction() as s:
        serving.erase(s, tom.id, NOW, operator(s, "agent"))
        by_sender = sender(s).id
    claimed = claims.claim(held, by_sender, 10, NOW)
    assert [one.contact_id for one in claimed or ()] == [ann.sms]
    with transaction() as s:
        found = serving.show(s, tom.id, NOW, operator(s, "agent")).resident
    assert found is not None
    assert [(one.alert_id, one.state, one.words) for one in found.alerts] == [(alert, "skipped", "erased")]

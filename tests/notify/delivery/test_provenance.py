"""Another system sends by our account at the provider: its events move and stop nothing of ours."""

import json

import pytest
from sqlalchemy import text

from notify.alerts.reporting import reports
from notify.channels.contract import Receipt, Suppress
from notify.channels.sendgrid.receipts import _receipt
from notify.core import crypto
from notify.core.db import transaction
from notify.delivery import receipts
from tests.database import sql
from tests.factories import NOW, Resident, alert_resolved, resident, zone

OTHERS = "0" * 24


@pytest.fixture
def people(database: str) -> list[Resident]:
    """Two residents, whose mails a provider has accepted."""
    with transaction() as s:
        zone(s)
        both = [resident(s, phone=None, email="") for _ in range(2)]
    alert_resolved(channels=("email",))
    sql("""UPDATE deliveries SET state = 'accepted', sent_at = :now, claimed_at = :now,
                  sender_id = (SELECT id FROM senders WHERE provider = 'sendgrid')""", now=NOW)  # fmt: skip
    return both


def delivery_of(person: Resident) -> int:
    return int(sql("SELECT id FROM deliveries WHERE contact_id = :id", id=person.mail)[0].id)


def told(name: str, email: str, argument: str = "", **more: str) -> None:
    """An event comes in and is applied."""
    event = {"event": name, "email": email, "sg_event_id": json.dumps([name, email, argument]), **more}
    receipt = _receipt(event | ({"tocsin": argument} if argument else {}))
    receipts.store("sendgrid", [receipt] if receipt else [], NOW)
    receipts.apply(NOW)


def argument(delivery: int, email: str) -> str:
    return f"{delivery}.{crypto.proof(delivery, email)}"


def states() -> list[str]:
    return [row.state for row in sql("SELECT state FROM deliveries ORDER BY id")]


def barred() -> dict[str, str]:
    """Whose address, and why."""
    rows = sql("SELECT c.id, x.reason FROM suppressions x JOIN contacts c USING (channel, address_index)")
    return {row.id: row.reason for row in rows}


def test_an_event_with_our_argument_is_believed_in_any_case_of_the_address(people: list[Resident]) -> None:
    ana, _ = people
    told("unsubscribe", ana.email.upper(), argument(delivery_of(ana), ana.email))
    told("delivered", ana.email, argument(delivery_of(ana), ana.email))
    assert sorted(states()) == ["accepted", "delivered"]
    assert barred() == {ana.mail: "opt-out"}


@pytest.mark.parametrize("name", ["delivered", "unsubscribe", "spamreport", "bounce"])
@pytest.mark.parametrize("kind", ["bare", "made up", "none", "another installation's", "another's address"])
def test_an_event_of_others_moves_nothing_of_ours(people: list[Resident], name: str, kind: str) -> None:
    """It is about a stranger, and its argument is one of ours by its number."""
    ours, stranger = delivery_of(people[0]), "stranger@elsewhere.example.org"
    theirs = f"{ours}.{crypto._proof(crypto._derived(b'the key of another one', crypto.PROOF), ours, stranger)}"
    given: dict[str, dict[str, str]] = {
        "bare": {"delivery": str(ours)},
        "made up": {"tocsin": f"{ours}.{OTHERS}"},
        "none": {},
        "another installation's": {"tocsin": theirs},
        "another's address": {"tocsin": argument(ours, people[0].email)},
    }
    told(name, stranger, type="bounce", status="5.1.1", **given[kind])
    assert states() == ["accepted", "accepted"]
    assert sql("SELECT FROM suppressions") == sql("SELECT FROM receipts") == []


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({"event": "bounce", "status": "5.1.1"}, "hard-bounce"),
        ({"event": "spamreport"}, "complaint"),
        ({"event": "dropped", "reason": "Bounced Address"}, "hard-bounce"),
        ({"event": "dropped", "reason": "Invalid"}, "invalid"),
    ],
)
@pytest.mark.parametrize("theirs", ["", f"1.{OTHERS}"])
def test_what_others_mail_shows_of_an_address_bars_it_and_nothing_else(
    people: list[Resident], event: dict[str, str], reason: str, theirs: str
) -> None:
    """Twice: it is the same news. The sender is not to blame, and neither is a delivery."""
    ana, _ = people
    for _ in range(2):
        told(
            event["event"], f"  {ana.email.title()}".strip(), theirs, **{k: v for k, v in event.items() if k != "event"}
        )
    assert barred() == {ana.mail: reason}
    assert states() == ["accepted", "accepted"]
    rows = sql("SELECT delivery_id, state, blame, suppress FROM receipts")
    assert {tuple(row) for row in rows} == {(None, None, "", reason)}


@pytest.mark.parametrize("name", ["unsubscribe", "group_unsubscribe", "dropped"])
def test_leaving_anothers_list_is_not_leaving_ours(people: list[Resident], name: str) -> None:
    told(name, people[0].email, reason="Unsubscribed Address")
    assert barred() == {}


def test_a_resident_who_came_back_is_not_barred_by_the_same_news_again(people: list[Resident]) -> None:
    told("spamreport", people[0].email)
    sql("DELETE FROM suppressions")
    told("spamreport", people[0].email)
    assert barred() == {}


def test_mail_of_earlier_versions_is_ours_when_the_address_is_right(people: list[Resident]) -> None:
    ana, ben = people
    told("delivered", ana.email, delivery=str(delivery_of(ana)))
    told("delivered", ben.email, delivery=str(delivery_of(ana)))
    assert sorted(states()) == ["accepted", "delivered"]


@pytest.mark.parametrize(("proven", "status"), [(True, "stopped"), (False, "open")])
def test_only_our_own_mail_stops_our_sender(people: list[Resident], proven: bool, status: str) -> None:
    ana, _ = people
    ours = argument(delivery_of(ana), ana.email)
    told(
        "dropped",
        ana.email,
        ours if proven else f"{delivery_of(ana)}.{OTHERS}",
        reason="Recipient List over Package Quota",
        delivery=str(delivery_of(ana)),
    )
    assert sql("SELECT status FROM senders WHERE provider = 'sendgrid'")[0].status == status


def test_an_address_that_changed_since_is_barred_and_the_new_one_is_not(people: list[Resident]) -> None:
    ana, _ = people
    ours, old = argument(delivery_of(ana), ana.email), ana.email
    with transaction() as s:
        index = crypto.address_index("email", "new@example.org")
        s.execute(text("UPDATE contacts SET address_index = :x WHERE id = :id"), {"x": index, "id": ana.mail})
    told("bounce", old, ours, status="5.1.1")
    assert barred() == {}
    assert [row.reason for row in sql("SELECT reason FROM suppressions")] == ["hard-bounce"]
    assert sorted(states()) == ["accepted", "undelivered"]


def test_an_opt_out_from_mail_that_a_restored_backup_forgot_holds(people: list[Resident]) -> None:
    ana, _ = people
    told("unsubscribe", ana.email, argument(999_999_999, ana.email))
    assert barred() == {ana.mail: "opt-out"}


@pytest.mark.parametrize("order", [("delivered", "bounce"), ("bounce", "delivered")])
def test_the_report_counts_a_mail_that_came_back_as_undelivered(people: list[Resident], order: tuple[str, str]) -> None:
    """SendGrid tells of an asynchronous bounce minutes after the delivery, or its events overtake each other."""
    ana, ben = people
    for name in (*order, *order):
        told(name, ana.email, argument(delivery_of(ana), ana.email), status="5.1.1", type="bounce")
    told("delivered", ben.email, argument(delivery_of(ben), ben.email))
    with transaction() as s:
        report = reports.progress(s, sql("SELECT id FROM alerts")[0].id)
    assert report.channels_by_state["email"] == {"delivered": 1, "undelivered": 1}
    assert report.reasons["undelivered"] == {"5.1.1": 1}
    assert barred() == {ana.mail: "hard-bounce"}


@pytest.mark.parametrize("suppress", ["invalid", "opt-out"])
def test_a_text_message_bars_the_number_that_twilio_names(database: str, suppress: Suppress) -> None:
    with transaction() as s:
        zone(s)
        tom, ann = resident(s), resident(s)
    alert_resolved()
    delivery = sql("SELECT id FROM deliveries WHERE contact_id = :id", id=tom.sms)[0].id
    receipts.store("twilio", [Receipt(delivery, None, suppress=suppress, address=ann.phone)], NOW)
    assert barred() == {ann.sms: suppress}

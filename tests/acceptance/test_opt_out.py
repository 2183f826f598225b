"""Law 4: an opt-out stops every message that is not yet handed to a provider, in-flight batches included."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from notify.alerts.reporting.reports import Progress
from notify.core.db import schema_connection
from tests.acceptance.city import CONSENT, City
from tests.waiting import until


def test_stop_reply_halts_a_batch_in_flight(city: City) -> None:
    block = city.block(phones=100)
    city.rate("sms", 4)
    alert = city.launch(city.approved(block.zone))
    until(lambda: len(city.texts(block.phones)) >= 3, 60, "the first messages are out")
    got_it = set(city.texts(block.phones))
    waiting = [phone for phone in block.phones if phone not in got_it][-3:]
    for phone in waiting:
        city.sim(f"/_sim/phones/{quote(phone)}/reply", {"text": "STOP", "to": "+15555550100"})
    city.rate("sms", 1000)
    progress = city.until_delivered(alert)
    assert not set(waiting) & set(city.texts(block.phones))
    assert progress.reasons["skipped"] == {"opt-out": 3}
    assert progress.deliveries["delivered"] == 97


def test_one_click_unsubscribe_halts_a_batch_in_flight_and_is_remembered(city: City) -> None:
    block = city.block(emails=100)
    first = city.launch(city.approved(block.zone, channels=("email",)))
    city.until_delivered(first)
    assert len(city.mails(block.emails)) == 100
    city.rate("email", 3)
    second = city.launch(city.approved(block.zone, channels=("email",)))
    until(lambda: len(city.mails(block.emails)) >= 102, 60, "the second alert goes out")
    again = set(city.mails(block.emails)[100:])
    leaver = next(address for address in reversed(block.emails) if address not in again)
    city.sim(f"/_sim/inboxes/{quote(leaver)}/unsubscribe", {})
    city.rate("email", 500)
    progress = city.until_delivered(second)
    assert city.mails(block.emails).count(leaver) == 1
    assert progress.reasons["skipped"] == {"opt-out": 1}


def test_a_bounced_address_is_not_written_to_again(city: City) -> None:
    block = city.block(emails=3)
    city.behave(sendgrid={"addresses": {block.emails[0]: {"event": "bounce", "status": "5.1.1"}}})
    progress = city.until_delivered(city.launch(city.approved(block.zone, channels=("email",))))
    assert (progress.deliveries["delivered"], progress.deliveries["undelivered"]) == (2, 1)
    again = city.until_delivered(city.launch(city.approved(block.zone, channels=("email",))))
    assert again.reasons["skipped"] == {"hard-bounce": 1}
    assert city.mails(block.emails).count(block.emails[0]) == 1


def test_a_number_that_the_provider_has_blocked_is_suppressed(city: City) -> None:
    block = city.block(phones=3)
    city.behave(twilio={"numbers": {block.phones[0]: 21610}})
    progress = city.until_delivered(city.launch(city.approved(block.zone)))
    assert progress.reasons["failed"] == {"21610": 1}
    again = city.until_delivered(city.launch(city.approved(block.zone)))
    assert again.reasons["skipped"] == {"opt-out": 1}


def test_an_exact_start_is_answered_by_us_with_what_holds(city: City) -> None:
    """Twilio says nothing where it held no block, and after a STOP only "re-subscribed"."""
    block = city.block(phones=1)

    def says(phone: str, words: str) -> list[str]:
        replies = city.sim(f"/_sim/phones/{quote(phone)}/reply", {"text": words, "to": "+15555550100"})["replies"]
        return list(replies)

    stranger = "+12015559012"
    (told,) = says(stranger, "START")
    assert "this number is not signed up" in told
    says(stranger, "STOP")
    by_twilio, by_us = says(stranger, "START")
    assert ("re-subscribed" in by_twilio, "this number is not signed up" in by_us) == (True, True)

    assert "Reply START" in says(block.phones[0], "please stop texting me")[0]
    (told,) = says(block.phones[0], "START")
    assert "you will get messages again" in told
    city.until_delivered(city.launch(city.approved(block.zone)))
    assert city.texts(block.phones) == [block.phones[0]]


SECOND = "+15555550160"


@pytest.fixture
def second_sender(city: City) -> Iterator[int]:
    sender = int(city.run_json("senders", "add", "twilio", SECOND, "--rate", "20")["id"])
    yield sender
    with schema_connection() as owner:  # the running processes may not delete a sender
        owner.execute("UPDATE batches SET sender_id = NULL WHERE sender_id = %s", (sender,))
        owner.execute("DELETE FROM carrier_blocks WHERE sender_id = %s", (sender,))
        owner.execute("DELETE FROM senders WHERE id = %s", (sender,))


@pytest.mark.usefixtures("second_sender")
def test_whom_the_carrier_keeps_from_one_number_is_reached_by_another_and_in_the_end_by_email(city: City) -> None:
    block = city.block(phones=1)
    first, phone, email = "+15555550100", "+12015559011", "both@example.org"
    where = block.shape.centroid
    city.import_rows([f"{phone},{email},en,storm,{where.x},{where.y},,home,{CONSENT}"])

    def says(words: str, to: str) -> str:
        replies = city.sim(f"/_sim/phones/{quote(phone)}/reply", {"text": words, "to": to})["replies"]
        return " ".join(replies)

    def alerted() -> tuple[Progress, list[str]]:
        """An alert by both channels, and the numbers of ours that this phone has got alerts from by now."""
        progress = city.until_delivered(city.launch(city.approved(block.zone, channels=("sms", "email"))))
        conversation = city.sim(f"/_sim/phones/{quote(phone)}")["conversation"]
        return progress, [m["from"] for m in conversation if m["direction"] == "outbound-api"]

    says("STOP", first)
    says("START", SECOND)
    progress, by = alerted()
    assert by == [SECOND]
    assert progress.deliveries["delivered"] == 3
    city.sql("UPDATE carrier_blocks SET lifted_at = at, doubtful = lifted_at IS NULL")  # as after a restored backup
    progress, by = alerted()
    assert by == [SECOND, SECOND], "what the provider refuses goes by another number"
    assert progress.deliveries["delivered"] == 3

    says("STOP", SECOND)
    assert "text the word START" not in says("start sending again", first)  # no number is left that may say so
    progress, by = alerted()
    assert by == [SECOND, SECOND]
    assert progress.reasons["skipped"] == {"carrier-block": 1}
    assert progress.deliveries["delivered"] == 2
    assert city.mails([email]) == [email] * 3
    assert not city.sql("SELECT 1 FROM suppressions s JOIN contacts c USING (address_index) WHERE c.id IN "
                        "(SELECT contact_id FROM deliveries WHERE reason = 'carrier-block')")  # fmt: skip

    says("START", first)
    _, by = alerted()
    assert by == [SECOND, SECOND, first]

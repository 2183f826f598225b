"""The sentence on a resident's page about which of their phones and emails are written to."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import update

from notify.core.db import transaction
from notify.core.translation import speaking
from notify.models import Contact, Topic
from notify.subscribers import consent, own
from notify.subscribers.choices import Chosen
from notify.subscribers.own import OwnContact
from notify.subscribers.reach import reach, sentences
from tests.database import sql
from tests.factories import NOW, alert_resolved, resident, sender, zone


def contact(shown: str, severity: int | None = None, **given: Any) -> OwnContact:
    channel = "email" if "@" in shown else "sms"
    fields = {"stopped": False, "barred": "", "left": (), "blocked": False} | given
    return OwnContact(1, channel, shown, lowest_severity=severity, **fields)


PHONE, MAIL = contact("*** 0199"), contact("a***@x.org")
FIRST = "Emergencies come by text to *** 0199 and by email to a***@x.org, at the same time."
BY_TEXT = "Emergencies come by text to *** 0199."


@pytest.mark.parametrize(
    ("contacts", "topics", "told"),
    [
        ([PHONE], ["snow"], f"{BY_TEXT} What can wait comes the same way."),
        ([PHONE, MAIL], ["snow"], f"{FIRST} What can wait comes the same way."),
        ([PHONE, contact("a***@x.org", 5)], ["snow"], f"{FIRST} What can wait comes only by text to *** 0199."),
        ([contact("*** 0199", 5)], ["snow"], f"{BY_TEXT} What can wait does not come: you chose only emergencies."),
        ([contact("*** 0199", 3)], ["snow"],
         f"{BY_TEXT} Of what can wait, only what is grave enough comes by text to *** 0199, as you chose below."),
        ([PHONE, contact("a***@x.org", 2)], ["snow"],
         f"{FIRST} What can wait comes only by text to *** 0199. Of what can wait, only what is grave enough comes by"
         " email to a***@x.org, as you chose below."),
        ([PHONE, contact("a***@x.org", stopped=True)], ["snow"], f"{BY_TEXT} What can wait comes the same way."),
        ([PHONE, contact("a***@x.org", barred="complaint")], ["snow"], f"{BY_TEXT} What can wait comes the same way."),
        ([contact("*** 0199", blocked=True)], ["snow"], "Nothing reaches you now, not even in an emergency."),
        ([contact("*** 0199", left=[Topic.SNOW])], ["snow"], "Nothing reaches you now, not even in an emergency."),
        ([contact("*** 0199", left=[Topic.SNOW])], ["snow", "heat"],
         f"{BY_TEXT} But not about a topic that was stopped there. What can wait comes the same way."),
        ([], ["snow"], "Nothing reaches you now, not even in an emergency."),
        ([PHONE], [], "Nothing comes now: you have chosen no topic below."),
    ],
)  # fmt: skip
def test_it_says_where_emergencies_come_and_where_what_can_wait(
    contacts: list[OwnContact], topics: list[str], told: str
) -> None:
    with speaking("en"):
        assert " ".join(sentences(contacts, topics, Chosen(), has_place=True)) == told
    with speaking("es"):
        spanish = " ".join(sentences(contacts, topics, Chosen(), has_place=True))
    assert spanish
    assert not {"Emergencies", "Nothing", "What", "by"} & set(spanish.replace(".", "").split())


@pytest.mark.parametrize(
    ("chosen", "has_place", "told"),
    [
        (Chosen(muted_until=date(2027, 1, 20)), True, f"{BY_TEXT} You paused what can wait until January 20, 2027."),
        (Chosen(digest="weekly"), True,
         f"{BY_TEXT} What can wait comes the same way. It comes together, at the times that you chose below."),
        (Chosen(), False, f"{BY_TEXT} You have no place, so only what goes to the whole city comes. What can wait comes"
                          " the same way."),
    ],
)  # fmt: skip
def test_it_knows_a_pause_a_digest_and_who_has_no_place(chosen: Chosen, has_place: bool, told: str) -> None:
    with speaking("en"):
        assert " ".join(sentences([PHONE], ["snow"], chosen, has_place=has_place)) == told


def test_it_agrees_with_the_rules_that_decide_about_messages(database: str) -> None:
    with transaction() as s:
        zone(s)
        sender(s)
        sender(s, "sendgrid")
        people = [resident(s, topics=("snow", "storm"), email="") for _ in range(4)]
        _, only_urgent, stopped, left = people
        s.execute(update(Contact).where(Contact.id == only_urgent.mail).values(lowest_severity=5))
        consent.opt_out(s, "email", stopped.mail, how="link", now=NOW)
        for topic in (Topic.SNOW, Topic.STORM):
            consent.opt_out(s, "sms", left.sms, how="STOP", now=NOW, topic=topic)
    urgent, notice = (alert_resolved(event=event, channels=("sms", "email")) for event in ("storm", "snow"))
    came = "SELECT contact_id FROM deliveries WHERE alert_id = :alert AND state <> 'skipped'"
    told: dict[str, set[int]] = {"urgent": set(), "notice": set()}
    with transaction() as s:
        for one in people:
            page = own.read(s, one.id)
            found = reach(page.contacts, page.topics)
            told["urgent"] |= {each.id for each in found.emergencies}
            told["notice"] |= {each.id for each in found.notices}
    assert told["urgent"] == {row.contact_id for row in sql(came, alert=urgent)}
    assert told["notice"] == {row.contact_id for row in sql(came, alert=notice)}
    assert len(told["notice"]) == len(told["urgent"]) - 1 == 5

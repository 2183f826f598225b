"""Operators' own contacts, and tests that they send to themselves."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from notify.accounts import contacts
from notify.alerts.practice import own_tests
from notify.core import one_time_codes
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, Refused
from notify.core.settings import settings
from notify.models import DirectMessage, Operator, OperatorContact
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.usefixtures("database")
PHONE = "(215) 555-0123"


def code(s: Session, by: Operator) -> str:
    """A new code, made as at the moment in which it is sent."""
    made = contacts.new_code(s, by.id, "sms", NOW)
    assert made
    return made


def verified(s: Session, role: str = "author") -> Operator:
    by = factories.operator(s, role)
    contacts.add(s, by, "sms", PHONE, NOW)
    contacts.confirm(s, by, "sms", code(s, by), NOW)
    return by


def test_a_contact_is_verified_by_the_code_that_was_sent_to_it() -> None:
    with transaction() as s:
        by = factories.operator(s, "author")
        contacts.add(s, by, "sms", PHONE, NOW)
        (one,) = contacts.own(s, by, NOW)
        assert (one.verified_at, one.awaited) == (None, True)
        assert "555" not in one.masked
        stored = s.scalars(select(OperatorContact.address_sealed)).one()
        assert b"2155550123" not in stored
        told = code(s, by)
        contacts.confirm(s, by, "sms", f" {told} ", NOW)
        assert contacts.own(s, by, NOW)[0].verified_at == NOW
        with pytest.raises(Refused, match="no longer valid"):  # once
            contacts.confirm(s, by, "sms", told, NOW)


def test_a_wrong_or_old_code_and_too_many_tries_are_refused() -> None:
    with transaction() as s:
        by = factories.operator(s, "author")
        contacts.add(s, by, "sms", PHONE, NOW)
        right = code(s, by)
        with pytest.raises(Refused, match="no longer valid"):
            contacts.confirm(s, by, "sms", right, NOW + timedelta(minutes=11))
        with pytest.raises(Refused, match="no longer valid"):
            contacts.confirm(s, factories.operator(s, "admin"), "sms", right, NOW)
        for _ in range(one_time_codes.TRIES):
            with pytest.raises(Refused, match="not the code"):
                contacts.confirm(s, by, "sms", f"{(int(right) + 1) % 10**6:06}", NOW)
        with pytest.raises(Refused, match="no longer valid"):
            contacts.confirm(s, by, "sms", right, NOW)


def test_another_address_must_be_verified_again_and_codes_are_few() -> None:
    with transaction() as s:
        by = verified(s)
        contacts.add(s, by, "sms", "(215) 555-0199", NOW)
        assert contacts.own(s, by, NOW)[0].verified_at is None
        for _ in range(contacts.CODES_A_DAY - 2):
            contacts.add(s, by, "sms", PHONE, NOW)
        with pytest.raises(Refused, match="Too many codes"):
            contacts.add(s, by, "sms", PHONE, NOW)
        contacts.remove(s, by, "sms", NOW)
        assert contacts.own(s, by, NOW) == []
        for channel, address in (("sms", "12"), ("email", "nobody"), ("social", "x"), ("fax", "1")):
            with pytest.raises(Invalid):
                contacts.add(s, by, channel, address, NOW)


def test_a_test_goes_to_ones_own_verified_contacts_once_a_minute() -> None:
    with transaction() as s:
        factories.zone(s)
        factories.resident(s)
        alert = factories.alert_draft(s, channels=("sms", "email"))
        by = verified(s)
        verified(s, "approver")
        contacts.add(s, by, "email", "me@example.org", NOW)  # not verified
        assert own_tests.send(s, alert.id, by, NOW, settings()) == 2  # a text in each language
        assert own_tests.send(s, alert.id, by, NOW, settings()) == 0
        rows = s.scalars(select(DirectMessage).where(DirectMessage.kind == "test")).all()
        assert {(row.operator_id, row.channel, row.state) for row in rows} == {(by.id, "sms", "waiting")}
        assert all(row.text.startswith("TEST, sent only to you: City of") for row in rows)
        assert own_tests.send(s, alert.id, by, NOW + timedelta(minutes=1), settings()) == 2
        assert s.scalar(text("SELECT count(*) FROM deliveries")) == 0
        assert len(own_tests.sent(s, alert.id, by)) == 4


def test_without_a_verified_contact_or_the_permission_nothing_is_sent() -> None:
    with transaction() as s:
        factories.zone(s)
        alert = factories.alert_draft(s)
        with pytest.raises(Refused, match="no confirmed contact"):
            own_tests.send(s, alert.id, factories.operator(s, "author"), NOW, settings())
        with pytest.raises(NotAllowed):
            own_tests.send(s, alert.id, verified(s, "agent"), NOW, settings())


def test_a_test_of_an_exercise_never_leaves_by_a_real_provider() -> None:
    with transaction() as s:
        factories.zone(s)
        factories.sender(s)
        exercise = factories.alert_draft(s, status="Exercise")
        by = verified(s)
        with pytest.raises(Refused, match="real people"):
            own_tests.send(s, exercise.id, by, NOW, settings())

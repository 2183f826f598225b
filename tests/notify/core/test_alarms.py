"""Alarms ring until somebody has looked; the same trouble twice is one of them."""

from datetime import timedelta

import pytest

from notify.core import alarms
from notify.core.db import transaction
from notify.core.errors import NotFound, Refused
from notify.delivery import senders
from notify.delivery.sender_health import stop
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.usefixtures("database")


def test_the_same_alarm_twice_is_one_that_was_seen_twice() -> None:
    with transaction() as s:
        one, two = factories.sender(s).id, factories.sender(s, "sendgrid").id
    for minutes in (0, 2, 1):
        with transaction() as s:
            alarms.sound(s, "a-kind", f"after {minutes}", NOW + timedelta(minutes=minutes), sender_id=one)
    with transaction() as s:
        alarms.sound(s, "a-kind", "of another", NOW, sender_id=two)
        alarms.sound(s, "another-kind", "of the first", NOW, sender_id=one)
        alarms.sound(s, "a-kind", "about nothing", NOW)
        alarms.sound(s, "a-kind", "about nothing", NOW)
        seen = [(a.kind, a.sender_id, a.count, a.message) for a in alarms.ringing(s)]
        assert seen == [
            ("a-kind", one, 3, "after 1"),
            ("a-kind", two, 1, "of another"),
            ("another-kind", one, 1, "of the first"),
            ("a-kind", None, 2, "about nothing"),
        ]
        first = alarms.ringing(s)[0]
        assert (first.since, first.last_seen) == (NOW, NOW + timedelta(minutes=2))


def test_what_was_resolved_rings_anew_as_another() -> None:
    with transaction() as s:
        alarms.sound(s, "a-kind", "first", NOW)
        first = alarms.ringing(s)[0].id
        by = factories.operator(s)
        assert alarms.mark_resolved(s, first, NOW + timedelta(minutes=1), by).resolved_by == by.id
        assert list(alarms.ringing(s)) == []
        alarms.sound(s, "a-kind", "second", NOW + timedelta(minutes=2))
        assert [(a.id != first, a.count) for a in alarms.ringing(s)] == [(True, 1)]
        assert [a.message for a in alarms.recent(s)] == ["second", "first"]
        with pytest.raises(Refused):
            alarms.mark_resolved(s, first, NOW, by)
        with pytest.raises(NotFound):
            alarms.mark_resolved(s, 999, NOW, by)


def test_a_stopped_sender_rings_until_it_is_opened() -> None:
    with transaction() as s:
        sender = factories.sender(s)
        stop(s, sender.id, "twilio refuses it", NOW)
        assert [(a.kind, a.sender_id) for a in alarms.ringing(s)] == [("sender-stopped", sender.id)]
    with transaction() as s:
        opened = senders.change(s, sender.id, NOW + timedelta(minutes=1), status="open", by=factories.operator(s))
        assert opened.opened_at == NOW + timedelta(minutes=1)
        assert list(alarms.ringing(s)) == []
        assert [a.resolved_at for a in alarms.recent(s)] == [NOW + timedelta(minutes=1)]


def test_a_change_of_the_rate_silences_nothing() -> None:
    with transaction() as s:
        sender = factories.sender(s)
        stop(s, sender.id, "twilio refuses it", NOW)
        senders.change(s, sender.id, NOW, rate_per_s=5)
        assert len(alarms.ringing(s)) == 1

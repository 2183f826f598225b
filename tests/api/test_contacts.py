"""The page of an operator's own contacts, and the button that sends a test to them."""

from collections.abc import Callable
from datetime import datetime

import httpx

from notify.accounts import contacts
from notify.core.db import transaction
from tests import factories
from tests.api import asked

HERE = "/console/you/contacts"


def test_a_contact_is_added_confirmed_and_removed(at_desk: Callable[[str], httpx.Client], city: datetime) -> None:
    desk = at_desk("author")
    with transaction() as s:
        alert = factories.alert_draft(s, now=city).id
    refused = desk.post(f"/console/alerts/{alert}/test")
    assert refused.status_code == 409
    assert "You have no confirmed contact" in refused.text
    assert desk.post(HERE, data={"channel": "sms", "address": "12"}).status_code == 422
    assert desk.post(HERE, data={"channel": "sms", "address": "215-555-0123"}).status_code == 303
    page = desk.get(HERE).text
    assert "not confirmed" in page
    assert "5550123" not in page
    with transaction() as s:  # as the job that sends it does
        digits = contacts.new_code(s, asked.number("SELECT operator_id FROM operator_contacts"), "sms", city)
    assert digits is not None
    for _ in range(2):
        wrong = f"{(int(digits) + 1) % 10**6:06}"
        assert desk.post(f"{HERE}/confirm", data={"channel": "sms", "code": wrong}).status_code == 409
    assert asked.number("SELECT code_tries FROM operator_contacts") == 2  # they count although they were refused
    assert desk.post(f"{HERE}/confirm", data={"channel": "sms", "code": digits}).status_code == 303
    assert ">confirmed<" in desk.get(HERE).text
    assert desk.post(f"/console/alerts/{alert}/test").status_code == 303
    assert "on its way" in desk.get(f"/console/alerts/{alert}").text
    assert desk.post(f"{HERE}/remove", data={"channel": "sms"}).status_code == 303
    assert "confirmed<" not in desk.get(HERE).text

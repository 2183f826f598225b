"""What was ended gives its name back, or says how to go on with it; names are kept without what does not show."""

import pytest

from notify.accounts import operators
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound
from notify.delivery import senders
from tests.factories import NOW

pytestmark = pytest.mark.usefixtures("database")


def test_the_name_of_a_revoked_key_is_free_again() -> None:
    with transaction() as s:
        old = operators.add_key(s, "dashboard", NOW)
        with pytest.raises(Invalid, match="already"):
            operators.add_key(s, "dashboard", NOW)
        operators.revoke_key(s, "dash\u200bboard", NOW)
        new = operators.add_key(s, "dashboard", NOW)
        with pytest.raises(Invalid, match="already"):
            operators.add_key(s, "dashboard", NOW)
        assert operators.find_key(s, old) is None
        assert operators.find_key(s, new) is not None
        assert [(key.name, key.revoked_at is None) for key in operators.all_keys(s)] == [
            ("dashboard", False),
            ("dashboard", True),
        ]
        operators.revoke_key(s, "dashboard", NOW)
        with pytest.raises(NotFound):
            operators.revoke_key(s, "dashboard", NOW)


def test_a_stopped_sender_is_opened_again_instead_of_added() -> None:
    with transaction() as s:
        number = senders.add(s, "twilio", "+15555550100", 1, NOW)
        senders.change(s, number.id, NOW, status="stopped")
        with pytest.raises(Invalid, match=f"senders set {number.id}.*--status open"):
            senders.add(s, "twilio", "+1 555-555-0100", 1, NOW)


@pytest.mark.parametrize(
    ("provider", "given", "kept"),
    [
        ("twilio", "\u202a+1\u00a0(555)\u2011555\u20110100\u202c", "+15555550100"),
        ("twilio", "898211", "898211"),
        ("twilio", "MG0123456789abcdef0123456789abcdef", "MG0123456789abcdef0123456789abcdef"),
        ("sendgrid", "alerts@City.Example\u200b", "alerts@city.example"),
        ("sendgrid", "City \u2013 Alerts <alerts@City.Example>", "City - Alerts <alerts@city.example>"),
        ("mastodon", "\u2060city@mastodon.example", "city@mastodon.example"),
    ],
)
def test_a_sender_is_kept_as_its_provider_knows_it(provider: str, given: str, kept: str) -> None:
    with transaction() as s:
        assert senders.add(s, provider, given, 1, NOW).address == kept


@pytest.mark.parametrize(
    ("provider", "given"),
    [("twilio", "\u200b"), ("twilio", "5.55555E9"), ("sendgrid", "alerts"), ("sendgrid", "City <alerts@>")],
)
def test_what_cannot_be_a_sender_is_refused(provider: str, given: str) -> None:
    with pytest.raises(Invalid), transaction() as s:
        senders.add(s, provider, given, 1, NOW)


@pytest.mark.parametrize(
    "given",
    [
        "5555",
        "311",
        "911",
        "8982111",
        "555-0100",
        "CityAlerts",
        "MG",
        "MG0123456789abcdef0123456789abcde",
        "MG0123456789abcdef0123456789abcdefa",
        "MGx123456789abcdef0123456789abcdef",
        "AC0123456789abcdef0123456789abcdef",
    ],
)
def test_what_twilio_does_not_send_from_is_refused_with_what_it_does(given: str) -> None:
    with pytest.raises(Invalid) as refused, transaction() as s:
        senders.add(s, "twilio", given, 1, NOW)
    assert given in refused.value.message
    assert "5 or 6 digits" in refused.value.hint
    assert "MG" in refused.value.hint

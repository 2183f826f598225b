"""Errors in an alert's words block its approval; warnings can be acknowledged."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.alerts.words import linting
from notify.core.db import transaction
from notify.core.errors import NotAllowed, NotFound, Refused
from notify.core.settings import settings
from notify.models import Alert, LintAcknowledgement
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.usefixtures("database")


def draft(**blanks: str) -> int:
    with transaction() as s:
        factories.zone(s)
        return factories.alert_draft(s, blanks={"hazard": "tornado", **blanks}).id


def found(alert_id: int) -> dict[str, linting.Checked]:
    with transaction() as s:
        alert = s.get_one(Alert, alert_id)
        return {f"{one.rule} {one.language}": one for one in linting.findings(s, alert, settings())}


def approve(alert_id: int) -> None:
    with transaction() as s:
        factories.sender(s)
        allowed = settings().model_copy(update=factories.CREDENTIALS)
        lifecycle.approve(s, alert_id, factories.operator(s, "approver"), NOW, allowed)


def acknowledge(alert_id: int, key: str, role: str = "author") -> bool:
    with transaction() as s:
        return linting.acknowledge(s, alert_id, key, factories.operator(s, role), NOW, settings())


def test_an_alert_of_our_own_words_has_no_finding_and_is_approved() -> None:
    alert_id = draft()
    assert found(alert_id) == {}
    approve(alert_id)


def test_an_error_blocks_the_approval_and_says_what_to_write() -> None:
    alert_id = draft(shelter="bit.ly/shelter")
    with pytest.raises(Refused, match="have 2 errors") as refused:
        approve(alert_id)
    assert any("sms, es: The link bit.ly" in detail for detail in refused.value.details)


def test_a_warning_does_not_block_and_is_acknowledged_once() -> None:
    alert_id = draft(action="Go inside as soon as possible", **{"action.es": "Entre ya a un edificio"})
    one = found(alert_id)["vague en"]
    assert (one.level, one.acknowledged_by) == ("warning", None)
    assert acknowledge(alert_id, one.key)
    assert not acknowledge(alert_id, one.key, "approver")  # the first one stands
    seen = found(alert_id)["vague en"]
    assert (seen.acknowledged_by, seen.acknowledged_at) == ("author@tocsin.example.org", NOW)
    with transaction() as s:
        kept = s.query(LintAcknowledgement).one()
        assert (kept.rule, kept.fingerprint.hex(), kept.channel) == ("vague", one.key, "sms")
        assert s.scalar(text("SELECT count(*) FROM audit WHERE action = 'acknowledge'")) == 1
    approve(alert_id)


def test_a_finding_of_an_alert_names_the_blank_to_change() -> None:
    alert_id = draft(shelter="bit.ly/shelter", action="Go inside as soon as possible", **{"action.es": "Entre ya"})
    known = found(alert_id)
    assert (known["vague en"].blank, known["short-link es"].blank) == ("action", "shelter")
    assert known["vague en"].instead.endswith("\u201d: change it there.")
    with transaction() as s:
        alert = s.get_one(Alert, alert_id)
        s.expunge(alert)
        alert.event = "gone"  # from the catalogue
        assert {one.blank for one in linting.findings(s, alert, settings())} == {None}


def test_an_error_cannot_be_acknowledged_nor_what_is_not_there() -> None:
    alert_id = draft(shelter="bit.ly/shelter")
    with pytest.raises(Refused, match="This is an error"):
        acknowledge(alert_id, found(alert_id)["short-link en"].key)
    with pytest.raises(NotFound, match="no such finding"):
        acknowledge(alert_id, "zz")
    with pytest.raises(NotFound, match="no alert 999"):
        acknowledge(999, "00")


def test_an_agent_may_not_acknowledge_and_nothing_changes_after_the_launch() -> None:
    alert_id = draft(action="Go inside soon", **{"action.es": "Entre ya a un edificio"})
    key = found(alert_id)["vague en"].key
    with pytest.raises(NotAllowed):
        acknowledge(alert_id, key, "agent")
    approve(alert_id)
    with transaction() as s:
        lifecycle.launch(s, alert_id, factories.operator(s), NOW)
    with pytest.raises(Refused, match="sending"):
        acknowledge(alert_id, key)


@pytest.mark.parametrize(
    "name", ["O\u2019Brien  Park", "St. Paul\u2014West", "Ciudad \u201cVieja\u201d", "Old Town!", "N 5th St."]
)
def test_an_odd_name_of_an_area_is_found_in_the_words(name: str) -> None:
    """A text has plain punctuation; a missing place would hold up the emergency."""
    square = {"type": "Polygon", "coordinates": [[[0, 0], [0.9, 0], [0.9, 0.9], [0, 0.9], [0, 0]]]}
    with transaction() as s:
        factories.zone(s)
        alert = factories.alert_draft(
            s, zones=(), area=square, area_description=name, channels=("sms", "email", "social"),
            expires_at=NOW + timedelta(hours=3),
        )  # fmt: skip
        errors = [one for one in linting.findings(s, alert, settings()) if one.level == "error"]
    assert errors == []

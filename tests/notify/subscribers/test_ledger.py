"""The ledger of an address: everything that was suppressed and lifted, by whichever way, and what proves it."""

import io
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from notify.accounts import operators
from notify.channels.channel import CHANNELS
from notify.channels.contract import Inbound
from notify.cli import main
from notify.core.db import raw, transaction
from notify.core.errors import NotAllowed
from notify.delivery import suppressions
from notify.inbound import messages
from notify.models import Topic
from notify.subscribers import consent, importing, ledger, serving
from tests.database import sql
from tests.factories import NOW, Resident, operator, resident

pytestmark = pytest.mark.usefixtures("database")
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def tom(database: str) -> Resident:
    with transaction() as s:
        return resident(s, email="")


def entries(address: str) -> list[tuple[Any, ...]]:
    with transaction() as s:
        found = ledger.of_address(s, address, NOW, operator(s, "agent"))
    return [(e.kind, e.topic, e.reason, e.how, e.evidence) for e in found]


def by_text(words: str, phone: str) -> None:
    with transaction() as s:
        messages.receive(s, "twilio", Inbound(phone, "+15555550100", words, f"SM-{words}"), LATER)


def told_by_provider(reason: str, email: str) -> None:
    with transaction() as s, raw(s).cursor() as cursor:
        suppressions.suppress_addresses(cursor, "email", [CHANNELS["email"].address_index(email)], [reason], LATER)


def test_a_stop_by_text_names_the_message_that_it_came_in(tom: Resident) -> None:
    by_text("STOP", tom.phone)
    assert entries(tom.phone) == [
        ("opt-in", None, "", "a test", ""),
        ("suppressed", None, "opt-out", "text message", "twilio SM-STOP"),
        ("text", None, "stop", "", "twilio SM-STOP"),
    ]


def test_what_is_lifted_stands_beside_what_was_suppressed(tom: Resident) -> None:
    with transaction() as s:
        consent.opt_out(s, "email", tom.email, how="a link", now=NOW, topic=Topic.SNOW)
        consent.opt_back_in(s, "email", tom.email, how="an undo", now=LATER, topic=Topic.SNOW)
    assert [e for e in entries(tom.email) if e[0] != "opt-in"] == [
        ("suppressed", "snow", "opt-out", "a link", ""),
        ("lifted", "snow", "opt-out", "an undo", ""),
    ]


@pytest.mark.parametrize("reason", ["hard-bounce", "complaint", "invalid"])
def test_what_a_provider_reports_and_an_operator_lifts_is_noted(tom: Resident, reason: Any) -> None:
    told_by_provider(reason, tom.email)
    with transaction() as s:
        serving.lift(s, tom.email, reason, "call to 311", LATER, operator(s, "agent"))
    assert [e for e in entries(tom.email) if e[0] != "opt-in"] == [
        ("lifted", None, reason, "operator: call to 311", ""),
        ("suppressed", None, reason, "told by the provider", ""),
    ]


def test_it_answers_for_an_address_that_nobody_has() -> None:
    with transaction() as s:
        serving.opt_out(s, "nobody@example.org", "a letter", NOW, operator(s, "agent"))
    assert entries("Nobody@example.org") == [("suppressed", None, "opt-out", "operator: a letter", "")]


def test_it_outlives_an_erasure_and_somebody_else_who_joins_with_the_address(tom: Resident) -> None:
    by_text("STOP", tom.phone)
    with transaction() as s:
        serving.erase(s, tom.id, LATER, operator(s, "agent"))
    line = f"phone,topics,lon,lat,consent_at,consent_how\n{tom.phone},storm,0.5,0.5,2027-01-12T00:00:00Z,a new form\n"
    assert importing.import_csv(io.StringIO(line), NOW + timedelta(days=2), outside=True).bad == ()
    assert [(kind, how) for kind, _, _, how, _ in entries(tom.phone)] == [
        ("opt-in", "a test"),
        ("erased", "operator"),
        ("suppressed", "text message"),
        ("text", ""),
        ("opt-in", "a new form"),
    ]


def test_the_audit_names_who_looked_and_never_the_address(tom: Resident) -> None:
    entries(tom.phone)
    ((action, subject, detail),) = sql("SELECT action, subject_id, detail::text FROM audit WHERE action = 'ledger'")
    assert (action, subject) == ("ledger", tom.id)
    assert tom.phone not in detail
    with transaction() as s, pytest.raises(NotAllowed):
        ledger.of_address(s, tom.phone, NOW, operator(s, "author"))


def test_no_suppression_is_without_its_line(tom: Resident) -> None:
    by_text("STOP", tom.phone)
    told_by_provider("complaint", tom.email)
    with transaction() as s:
        consent.opt_out(s, "email", tom.email, how="a link", now=NOW)
    lines = "SELECT channel, address_index, reason FROM"
    assert sorted(map(tuple, sql(f"{lines} suppressions"))) == sorted(map(tuple, sql(f"{lines} address_ledger")))


def test_the_command_reads_the_address_from_standard_input(
    tom: Resident, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with transaction() as s:
        monkeypatch.setenv("TOCSIN_OPERATOR_KEY", operators.add_key(s, "desk", NOW, operator(s, "agent")))
    run: Callable[[], None] = main
    monkeypatch.setattr(sys, "argv", ["tocsin", "subscribers", "ledger", "--json"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{tom.phone}\n"))
    with pytest.raises(SystemExit) as end:
        run()
    assert end.value.code == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["kind"], entry["how"]) == ("opt-in", "a test")

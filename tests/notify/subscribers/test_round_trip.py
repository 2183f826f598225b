"""An export loses nothing: imported into an empty database it restores everything, and imported again it changes
nothing."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from notify.core.db import transaction
from notify.core.quiet_time import QuietHours
from notify.models import AddressCheck, CarrierBlock, Consent, Topic
from notify.subscribers import (
    addresses,
    choices,
    consent,
    count_unowned,
    enrolling,
    export_csv,
    holdings,
    import_csv,
    ledger,
    own,
    record,
    serving,
)
from notify.subscribers.csv_records import COLUMNS, MORE_COLUMNS
from notify.subscribers.enrolling import Applicant
from notify.subscribers.history import History, read, written
from notify.subscribers.storing import Stored
from notify.subscribers.wishes import Wish
from tests.database import sql
from tests.factories import NOW, resident, sender
from tests.owner import as_owner

pytestmark = pytest.mark.usefixtures("database")

LATER = NOW + timedelta(days=90)
ANA, ANA_MAIL, ANA_WORK = "+12155550100", "ana@example.org", "ana.work@example.org"
BEN, CLEO, DORA, EVE = "+12155550101", "cleo@example.org", "dora@example.org", "+12155550102"
EVERYBODY = (("sms", ANA), ("email", ANA_MAIL), ("email", ANA_WORK), ("sms", BEN), ("email", CLEO), ("email", DORA),
             ("sms", EVE))  # fmt: skip
WORDS = '=By joining  you agree,\n\n"all" of it; día \u200b1½'
# What has another number there, or stands for the same.
_NUMBERS = frozenset({"id", "subscriber_id", "contact_id"})
_TABLES = ("subscribers", "contacts", "places", "preferences", "choices", "consents", "suppressions", "address_ledger",
           "carrier_blocks", "address_checks")  # fmt: skip


def everything() -> Mapping[str, Any]:
    """What the domain reads of everybody, by address and table, without the numbers of rows."""
    found: dict[str, Any] = {}
    with transaction() as s:
        for channel, address in EVERYBODY:
            index = addresses.index(channel, address)
            who = record.owner(s, channel, index)
            assert who is not None, address
            held = holdings.read(s, who, LATER)
            tables: dict[str, Any] = {table: _same(table, held[table]) for table in _TABLES}
            chosen = choices.read(s, who, LATER)
            gap = record.gap(s, channel, index, LATER)
            found[address] = (tables, chosen, gap, ledger.read(s, channel, index), _others(who, s))
    return found


def _same(table: str, rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    left_out = _NUMBERS | ({"created_at"} if table in ("places", "contacts") else frozenset())
    told = [{name: value for name, value in row.items() if name not in left_out} for row in rows]
    return told if table == "places" else sorted(told, key=str)


def _others(who: int, s: Any) -> Any:
    page = own.read(s, who)
    contacts = [(one.channel, one.shown, one.stopped, one.barred, one.left) for one in page.contacts]
    return page.language, page.topics, sorted(contacts, key=str)


def wipe() -> None:
    as_owner(
        "TRUNCATE subscribers, contacts, places, preferences, choices, consents, suppressions, address_ledger,"
        " carrier_blocks CASCADE"
    )


def export() -> list[str]:
    with transaction() as s:
        return list(export_csv(s))


def rows(lines: Sequence[str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(lines), newline="")))


@pytest.fixture
def _everybody(database: str) -> None:
    given = [
        ",".join(COLUMNS) + "\n",
        f"{ANA},{ANA_MAIL},es,storm snow,0.5,0.5,1 Main Street,home,2026-05-31T14:30:00.123456Z,web form\n",
        f"{ANA},{ANA_WORK},es,storm snow,0.6,0.6,,work,2026-06-01,paper\n",
        f",{CLEO},en,,0.1,0.2,,home,,\n",
    ]
    import_csv(given, NOW, merge=True, outside=True)
    with transaction() as s:
        contact = addresses.contact(s, "sms", addresses.index("sms", ANA))
        assert contact is not None
        s.add(Consent(contact_id=contact.id, kind="opt-in", at=NOW, how="web form, again", words=WORDS))
        resident(s, phone=BEN, at=(), topics=("storm", "general"))
        resident(s, phone=None, email=DORA, at=((0.3, 0.3),))
        eve = resident(s, phone=EVE, at=((0.4, 0.4),), topics=())
        choices.pause(s, eve.id, LATER + timedelta(days=300))
        ana = record.owner(s, "sms", addresses.index("sms", ANA)) or 0
        own.place(s, ana, Wish(0.7, 0.7, "=mother", "7 Elm St", 2_000), NOW)
        wanted = choices.Chosen(QuietHours(time(22), time(6)), "America/Chicago", 3, date(2027, 12, 24), "weekly")
        choices.choose(s, ana, wanted, NOW)
        s.execute(text("UPDATE preferences SET muted_until = NULL WHERE topic = 'snow'"))
        contact = addresses.contact(s, "email", addresses.index("email", ANA_MAIL))
        choices.set_lowest(s, ana, {contact.id if contact else 0: 3})
        for day, channel, address, topic, back in (
            (1, "sms", ANA, Topic.SNOW, False), (1, "email", ANA_WORK, None, False), (1, "email", ANA_MAIL, None, True),
            (1, "sms", BEN, None, False), (1, "sms", EVE, None, True), (3, "sms", EVE, None, False),
        ):  # fmt: skip
            at = NOW + timedelta(days=day)
            consent.opt_out(s, channel, address, how="STOP", now=at, topic=topic, evidence="twilio SM1")
            if back:
                consent.opt_back_in(s, channel, address, how="START", now=at + timedelta(hours=9), topic=topic)
        for reason in ("hard-bounce", "complaint"):
            s.execute(
                text("INSERT INTO suppressions (channel, address_index, reason, at) VALUES ('email', :i, :r, :at)"),
                {"i": addresses.index("email", DORA), "r": reason, "at": NOW},
            )
        consent.lift_report(s, "email", addresses.index("email", DORA), "hard-bounce", how="agent", now=LATER)
        by = sender(s).id
        for address, lifted, doubtful in ((ANA, None, False), (BEN, LATER, True)):
            index = addresses.index("sms", address)
            block = CarrierBlock(sender_id=by, address_index=index, at=NOW, lifted_at=lifted, doubtful=doubtful)
            contact = addresses.contact(s, "sms", index)
            who = {"subscriber_id": contact.subscriber_id, "contact_id": contact.id} if contact else {}
            answered = {"answer": "same", "answered_at": LATER} if lifted else {}
            s.add_all([block, AddressCheck(asked_at=NOW, **who, **answered)])
        s.execute(text("UPDATE contacts SET asked_at = :at WHERE verified_at IS NULL"), {"at": NOW})


@pytest.mark.usefixtures("_everybody")
def test_an_export_restores_everything_in_an_empty_database_and_again_changes_nothing() -> None:
    before, exported = everything(), export()
    wipe()
    first = import_csv(exported, LATER, merge=True, outside=True)
    assert first.bad == ()
    for address, told in everything().items():
        for now, was in zip(told, before[address], strict=True):
            assert now == was, address
    again = import_csv(exported, LATER + timedelta(days=1), merge=True, outside=True)
    assert (again.bad, again.new) == ((), Stored(suppressed=again.new.suppressed))
    assert everything() == before
    assert sorted(map(str, rows(export()))) == sorted(map(str, rows(exported)))


@pytest.mark.usefixtures("_everybody")
def test_other_systems_that_read_the_ten_columns_write_to_nobody_who_has_left() -> None:
    told = [row for row in rows(export()) if row["phone"] == BEN or row["email"] in (ANA_WORK, DORA)]
    assert len(told) >= 3
    assert {(row["consent_at"], row["consent_words"]) for row in told if row["phone"] == BEN} == {("", "")}
    assert all("snow" not in row["topics"] for row in rows(export()) if row["phone"] == ANA)


@pytest.mark.usefixtures("_everybody")
def test_an_import_never_undoes_an_opt_out_nor_brings_back_one_that_was_lifted() -> None:
    exported = export()
    with transaction() as s:
        consent.opt_back_in(s, "sms", BEN, how="START", now=LATER)
        consent.opt_out(s, "email", ANA_MAIL, how="link", now=LATER)
        own.choose(s, record.owner(s, "sms", addresses.index("sms", BEN)) or 0, [Topic.HEAT], "es", LATER)
    before = everything()
    import_csv(exported, LATER + timedelta(1), merge=True, outside=True)
    after = everything()
    assert [one["reason"] for one in after[ANA_MAIL][0]["suppressions"]].count("opt-out") == 3
    assert after[BEN][0]["suppressions"] == before[BEN][0]["suppressions"] == []
    assert after[BEN][0]["choices"] == before[BEN][0]["choices"]


@pytest.mark.usefixtures("_everybody")
def test_an_older_opt_out_of_a_file_silences_nobody_who_has_joined_here_since() -> None:
    exported = export()
    wipe()
    with transaction() as s:
        who = Applicant("sms", BEN, "en", "I agree.", consent.BY_WEB)
        enrolling.enrol(s, who, Wish(0.5, 0.5, "home"), NOW + timedelta(days=60))
    import_csv(exported, LATER, merge=True, outside=True)
    with transaction() as s:
        assert consent.reasons_against(s, "sms", addresses.index("sms", BEN)) == set()
        assert consent.reasons_against(s, "email", addresses.index("email", ANA_WORK)) == {"opt-out"}


@pytest.mark.usefixtures("_everybody")
def test_opt_outs_of_addresses_without_a_resident_are_counted_since_no_file_can_have_them() -> None:
    with transaction() as s:
        assert count_unowned(s) == 0
        consent.opt_out(s, "sms", "+12155550190", how="STOP", now=NOW)
        consent.opt_out(s, "sms", "+12155550190", how="STOP", now=NOW, topic=Topic.SNOW)
        serving.erase(s, record.owner(s, "sms", addresses.index("sms", BEN)) or 0, LATER, None)
        assert count_unowned(s) == 2, "one of a stranger, one of who was erased"
    assert sql("SELECT count(*) FROM address_checks")[0][0] == 1, "an erasure takes what its resident was asked"


def test_a_history_of_many_years_comes_back(database: str) -> None:
    with transaction() as s:
        tom = resident(s)
        s.add_all(
            Consent(contact_id=tom.sms, kind="opt-in", at=NOW - timedelta(days=n), how="list", words="=" * 400)
            for n in range(400)
        )
    exported = export()
    assert max(map(len, exported)) > 2**17
    wipe()
    assert import_csv(exported, LATER, outside=True).bad == ()
    assert sql("SELECT count(*) FROM consents")[0][0] >= 400


@pytest.mark.usefixtures("_everybody")
def test_no_cell_of_an_export_is_a_formula() -> None:
    cells = [cell for row in rows(export()) for cell in row.values() if cell]
    assert all(
        cell[0] not in "=@\t\r" and (cell[0] not in "+-" or cell[1:].replace(".", "").isdecimal()) for cell in cells
    )
    assert any(cell.startswith("'=By joining") for cell in cells)


@pytest.mark.parametrize(
    "cell",
    [
        "{", "[]", '{"fax":{}}', '{"phone":{}}', '{"phone":[]}', '{"phone":null}', "null",
        '{"phone":{"verified_at":"2026-05-31","dead_at":null,"asked_at":null,"entered_at":null,'
        '"lowest_severity":null,"consents":[],"suppressions":[],"ledger":[]}}',
    ],
)  # fmt: skip
def test_what_no_export_writes_is_refused_without_its_words(cell: str) -> None:
    header = ",".join(COLUMNS + MORE_COLUMNS) + "\n"
    line = io.StringIO()
    csv.writer(line).writerow([BEN, "", "en", "storm", "0.5", "0.5", "", "", "", "", "0", "", "", cell, ""])
    report = import_csv([header, line.getvalue()], NOW, outside=True)
    assert [one.reason for one in report.bad] == ["choices, history: this is not what an export writes."]


def test_nothing_of_the_future_is_restored() -> None:
    told: dict[str, Any] = {
        "since": LATER.isoformat(),
        "quiet": None,
        "timezone": None,
        "most_a_day": None,
        "topics": {},
    }
    with pytest.raises(ValueError, match="not what an export writes"):
        read(written(told), "", NOW)
    assert read("", " ", NOW) == History()
    assert json.loads(written(told)) == told

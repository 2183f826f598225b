"""Residents come in from a CSV file."""

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import box
from sqlalchemy import text

from notify.core import crypto
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.subscribers import COLUMNS, count, import_csv, opt_out
from tests.factories import NOW, homes, zone
from tests.notify.city.geocoder.town import avenue, house, settle

pytestmark = pytest.mark.usefixtures("database")

TOM = {
    "phone": "+12155550100",
    "email": "tom@example.org",
    "language": "en",
    "topics": "storm snow",
    "lon": "-75.1",
    "lat": "39.9",
    "address": "1 Main Street",
    "label": "home",
    "consent_at": "2026-05-31T14:30:00Z",
    "consent_how": "web form",
}


SWAPPED = "lon, lat: they are swapped, or far from the city."


def row(**changed: str) -> dict[str, str]:
    return TOM | changed


def lines(*rows: dict[str, str], columns: Sequence[str] = COLUMNS) -> list[str]:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().splitlines(keepends=True)


def ask(question: str) -> list[Any]:
    with transaction() as s:
        return [tuple(found) if len(found) > 1 else found[0] for found in s.execute(text(question)).all()]


def live_at() -> list[tuple[float, float]]:
    with transaction() as s:
        return homes(s)


def everything() -> list[list[Any]]:
    tables = ("subscribers", "contacts", "places", "preferences", "consents", "suppressions")
    return [ask(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


def test_a_row_with_consent_becomes_a_resident_who_can_be_written_to() -> None:
    report = import_csv(lines(row()), NOW)
    assert (report.rows, report.kept, report.bad_count, report.bad) == (1, 1, 0, ())
    assert (report.new.residents, report.new.contacts, report.new.places) == (1, 2, 1)
    consent = datetime(2026, 5, 31, 14, 30, tzinfo=UTC)
    found = ask("SELECT channel, address_index, address_sealed, verified_at FROM contacts ORDER BY channel DESC")
    for channel, address, (kept, index, sealed, verified_at) in zip(
        ("sms", "email"), (TOM["phone"], TOM["email"]), found, strict=True
    ):
        assert (kept, verified_at) == (channel, consent)
        assert index == crypto.address_index(channel, address)
        assert crypto.unseal(sealed, channel) == address
    assert ask("SELECT kind, topic, at, how FROM consents") == [("opt-in", None, consent, "web form")] * 2
    assert ask("SELECT topic::text FROM preferences ORDER BY topic") == ["snow", "storm"]


def test_what_does_not_show_is_no_part_of_a_row() -> None:
    hidden = row(phone="\u202a+12155550100\u202c", email="tom\u200b@example.org", label=" ho\u00adme\u00a0")
    nothing = dict.fromkeys(COLUMNS, "\u200b")
    assert import_csv(lines(nothing, hidden, row()), NOW).rows == 2
    assert ask("SELECT count(*) FROM contacts") == [2]
    assert ask("SELECT label FROM places") == ["home"]
    with transaction() as s:
        opt_out(s, "email", TOM["email"], how="a test", now=NOW)
    assert import_csv(lines(hidden), NOW).suppressed == 1
    [(label, radius_m, sealed)] = ask("SELECT label, radius_m, address_sealed FROM places")
    assert (label, radius_m) == ("home", 0)
    assert live_at() == [(-75.1, 39.9)]
    assert crypto.unseal(sealed, "address") == "1 Main Street"


def test_a_row_without_consent_has_contacts_that_are_not_verified() -> None:
    import_csv(lines(row(consent_at="", consent_how="")), NOW)
    assert ask("SELECT verified_at FROM contacts") == [None, None]
    assert ask("SELECT * FROM consents") == []


def test_a_later_consent_verifies() -> None:
    import_csv(lines(row(consent_at="", consent_how="")), NOW)
    import_csv(lines(row()), NOW)
    assert None not in ask("SELECT verified_at FROM contacts")
    assert len(ask("SELECT 1 FROM consents")) == 2


def test_the_same_file_again_changes_nothing() -> None:
    file = lines(row(), row(lon="-75.2", label="work"), row(phone="", email="ann@example.org"))
    import_csv(file, NOW)
    before = everything()
    report = import_csv(file, NOW + timedelta(days=1))
    assert report.kept == 3
    assert not any((report.new.residents, report.new.contacts, report.new.places, report.new.topics))
    assert everything() == before


def test_rows_with_the_same_phone_or_email_are_one_resident() -> None:
    import_csv(
        lines(
            row(topics="storm"),
            row(email="", topics="snow", lon="-75.2", label="work"),
            row(phone="", email="TOM@Example.org", topics="heat", lon="-75.3", label="school"),
        ),
        NOW,
    )
    assert len(ask("SELECT 1 FROM subscribers")) == 1
    assert ask("SELECT label FROM places ORDER BY id") == ["home", "work", "school"]
    assert sorted(ask("SELECT topic::text FROM preferences")) == ["heat", "snow", "storm"]
    assert len(ask("SELECT 1 FROM contacts")) == 2


def test_a_second_import_adds_to_the_same_resident() -> None:
    import_csv(lines(row(email="")), NOW)
    import_csv(lines(row(lon="-75.2", topics="road")), NOW)
    assert len(ask("SELECT 1 FROM subscribers")) == 1
    assert len(ask("SELECT 1 FROM places")) == 2
    assert ask("SELECT channel FROM contacts ORDER BY id") == ["sms", "email"]


def test_an_import_never_lifts_an_opt_out() -> None:
    import_csv(lines(row()), NOW)
    with transaction() as s:
        opt_out(s, "sms", TOM["phone"], how="a test", now=NOW)
    import_csv(lines(row(), row(consent_at="2027-01-01", lon="-75.2")), NOW)
    assert ask("SELECT reason FROM suppressions") == ["opt-out"]


def test_an_opt_out_before_the_first_import_holds() -> None:
    with transaction() as s:
        opt_out(s, "sms", "(215) 555-0100", how="a test", now=NOW)
    import_csv(lines(row()), NOW)
    assert ask("SELECT c.channel FROM contacts c JOIN suppressions s USING (channel, address_index)") == ["sms"]


def test_an_erased_resident_does_not_come_back() -> None:
    import_csv(lines(row()), NOW)
    with transaction() as s:
        s.execute(text("UPDATE contacts SET address_sealed = NULL"))
        s.execute(text("UPDATE subscribers SET erased_at = :now"), {"now": NOW})
    report = import_csv(lines(row()), NOW)
    assert (report.kept, report.bad[0].reason[:20]) == (0, "This resident asked ")
    assert ask("SELECT address_sealed FROM contacts") == [None, None]


BAD = [
    ({"phone": "12"}, "phone: this is not a phone number."),
    ({"phone": "call me"}, "phone: this is not a phone number."),
    ({"phone": "+12155550100 x 4"}, "phone: it has an extension"),
    ({"phone": "2155550100 ext. 4"}, "phone: it has an extension"),
    ({"phone": "2155550100#4"}, "phone: it has an extension"),
    ({"phone": "2.15555291E9"}, "phone: a spreadsheet has turned it into a decimal number. Format the column as text"),
    ({"phone": "2.155552910E+09"}, "phone: a spreadsheet has turned it into a decimal number."),
    ({"phone": "2,15555291e9"}, "phone: a spreadsheet has turned it into a decimal number."),
    ({"phone": "2155552910.0"}, "phone: a spreadsheet has turned it into a decimal number."),
    ({"phone": "1-800-FLOWERS"}, "phone: this is not a phone number."),
    ({"phone": "215555O112"}, "phone: this is not a phone number."),
    ({"phone": "215-555-0112 / 215-555-0113"}, "phone: this is not a phone number. Give one number"),
    ({"phone": "215-555-0112, 215-555-0113"}, "phone: this is not a phone number. Give one number"),
    ({"phone": "555-0123"}, "phone: this is not a phone number."),
    ({"phone": "911"}, "phone: this is not a phone number."),
    ({"email": "tom@"}, "email: this is not an email address."),
    ({"email": "tom at example.org"}, "email: this is not an email address. Give one address"),
    ({"email": "a@b@example.org"}, "email: this is not an email address. Give one address"),
    ({"email": "tom@example.org, ann@example.org"}, "email: this is not an email address. Give one address"),
    ({"email": "Tom <tom@example.org>"}, "email: this is not an email address. Give one address"),
    ({"email": "mailto:tom@example.org"}, "email: it begins with mailto:"),
    ({"email": "tomás@example.org"}, "email: it has quotes or letters before the @ that mail cannot be sent to."),
    ({"email": '"tom"@example.org'}, "email: it has quotes or letters before the @ that mail cannot be sent to."),
    ({"email": "tom@example.org."}, "email: this is not an email address."),
    ({"email": "tom@192.0.2.1"}, "email: this is not an email address."),
    ({"email": "tom@city.local"}, "email: this is not an email address."),
    ({"phone": "", "email": ""}, "phone, email: one of them must be given."),
    ({"language": "English"}, "language: give a code like en or es."),
    ({"topics": "storm tornado"}, "topics: one of them is unknown"),
    (
        {"lon": "", "lat": "", "address": ""},
        "lon, lat: give them, or an address. For a resident who gets only what goes to the whole city, write yes",
    ),
    ({"lon": "", "lat": ""}, "address: it is not known; give lon and lat."),
    ({"lat": ""}, "lon, lat: one of them is missing."),
    ({"lon": "east"}, "lon: this is not a number."),
    ({"lon": "nan"}, "lon: this is not a number."),
    ({"lon": "inf"}, "lon: it must be between -180 and 180."),
    ({"lat": "90.1"}, "lat: it must be between -90 and 90."),
    ({"label": "x" * 61}, "label: it is longer than 60 characters."),
    ({"label": "a\x00b"}, "label: it has characters that cannot be printed."),
    ({"address": "1 Main\x07 Street"}, "address: it has characters that cannot be printed."),
    ({"consent_how": ""}, "consent_at, consent_how: give both or neither."),
    ({"consent_at": ""}, "consent_at, consent_how: give both or neither."),
    ({"consent_at": "yesterday"}, "consent_at: give it as 2026-05-31"),
    ({"consent_at": "2026-05-31T14:30:00"}, "consent_at: give it as 2026-05-31"),  # where?
    ({"consent_at": "2027-01-12"}, "consent_at: it is in the future."),
    ({"consent_at": "0026-05-31"}, "consent_at: it is before 2000"),
    ({"consent_at": "0026-05-31T14:30:00Z"}, "consent_at: it is before 2000"),
    ({"consent_at": "1999-12-31T12:00:00Z"}, "consent_at: it is before 2000"),
    ({"consent_at": "31-05-26"}, "consent_at: give it as 2026-05-31"),
    ({"consent_at": "20260531T1430"}, "consent_at: give it as 2026-05-31"),
    ({"consent_at": "0001-01-01T00:00:00+14:00"}, "consent_at: give it as 2026-05-31"),
]


@pytest.mark.parametrize(("changed", "reason"), BAD)
def test_a_bad_row_is_reported_by_its_line_and_the_good_ones_are_kept(changed: dict[str, str], reason: str) -> None:
    ann = row(phone="+12155550101", email="ann@example.org")
    report = import_csv(lines(ann, row(**changed)), NOW)
    assert (report.rows, report.kept, report.bad_count) == (2, 1, 1)
    assert report.bad[0].line == 3
    assert report.bad[0].reason.startswith(reason)
    for value in (TOM["phone"], TOM["email"], "Main", *(v for v in changed.values() if len(v) > 4)):
        assert value not in report.bad[0].reason.replace("2026-05-31T14:30:00-04:00", "")
    assert len(ask("SELECT 1 FROM subscribers")) == 1


@pytest.mark.parametrize(
    ("changed", "column", "kept"),
    [
        ({"phone": "(215) 555-0100"}, "phone", "+12155550100"),
        ({"phone": "215.555.0100"}, "phone", "+12155550100"),
        ({"phone": "+44 20 7946 0958"}, "phone", "+442079460958"),
        ({"phone": "'2155550100"}, "phone", "+12155550100"),
        ({"phone": "tel:+1-215-555-0100"}, "phone", "+12155550100"),
        ({"phone": "\uff12\uff11\uff15\uff15\uff15\uff15\uff10\uff11\uff10\uff10"}, "phone", "+12155550100"),
        ({"phone": "215\u2011555\u20110100"}, "phone", "+12155550100"),
        ({"email": "tom+snow@example.org"}, "email", "tom+snow@example.org"),
        ({"email": "tom@stra\u00dfe.de"}, "email", "tom@xn--strae-oqa.de"),
        ({"email": " Tom.B@Example.ORG "}, "email", "Tom.B@example.org"),
        ({"email": "tom@bücher.example"}, "email", "tom@xn--bcher-kva.example"),
    ],
)
def test_addresses_are_kept_in_one_form(changed: dict[str, str], column: str, kept: str) -> None:
    import_csv(lines(row(**changed)), NOW)
    channel = {"phone": "sms", "email": "email"}[column]
    [sealed] = ask(f"SELECT address_sealed FROM contacts WHERE channel = '{channel}'")
    assert crypto.unseal(sealed, channel) == kept


def test_a_language_is_kept_without_its_country_and_may_be_left_out() -> None:
    import_csv(lines(row(language="es-MX"), row(phone="+12155550101", email="ann@example.org", language="")), NOW)
    assert ask("SELECT language FROM subscribers ORDER BY id") == ["es", "en"]


def test_a_day_of_consent_begins_at_midnight_in_the_city() -> None:
    import_csv(lines(row(consent_at="2026-05-31")), NOW)
    assert ask("SELECT DISTINCT at FROM consents") == [datetime(2026, 5, 31, 4, 0, tzinfo=UTC)]


def test_coordinates_that_are_swapped_are_refused() -> None:
    swapped = row(lon="39.9", lat="-75.1")
    assert [bad.reason for bad in import_csv(lines(swapped), NOW).bad] == [SWAPPED], "nobody lives in Antarctica"
    with transaction() as s:
        zone(s, "Philadelphia", box(-75.3, 39.8, -74.9, 40.1))
    report = import_csv(lines(row(), swapped), NOW)
    assert [(bad.line, bad.reason) for bad in report.bad] == [(3, SWAPPED)]


def test_languages_that_are_not_written_are_told() -> None:
    report = import_csv(lines(row(language="fr"), row(language="es", phone="", email="b@example.org")), NOW)
    assert report.unwritten == {"fr": 1}


def test_an_address_is_located_when_somebody_can() -> None:
    known = {"1 Main Street": (-75.5, 39.5)}
    report = import_csv(lines(row(lon="", lat=""), row(lon="", lat="", address="9 Nowhere")), NOW, locate=known.get)
    assert live_at() == [(-75.5, 39.5)]
    assert [bad.line for bad in report.bad] == [3]


def test_an_address_alone_is_placed_where_the_city_knows_it_for_sure() -> None:
    settle(
        [avenue("N 5TH ST", 0), avenue("S 5TH ST", 1), avenue("S 8TH ST", 2, first=900)],
        [house("12", "ELM ST", -75.5, 39.5)],
    )
    addresses = (
        "12 elm street apt 3",
        "150 N 5th",
        "150 5th St",
        "901 N 8th St",
        "1 Nowhere Rd",
        "9999 N 5th St",
        "N 5th St",
    )
    report = import_csv(lines(*(row(lon="", lat="", address=address) for address in addresses)), NOW)
    assert report.kept == 2
    assert live_at()[0][0] == -75.5
    assert [(bad.line, bad.reason.partition(";")[0]) for bad in report.bad] == [
        (4, "address: several places fit"),
        (5, "address: only a similar one is known"),
        (6, "address: it is not known"),
        (7, "address: the street has no such number"),
        (8, "address: the house number is missing"),
    ]


def test_columns_may_come_in_any_order() -> None:
    import_csv(lines(row(), columns=COLUMNS[::-1]), NOW)
    assert ask("SELECT label FROM places") == ["home"]


@pytest.mark.parametrize(
    ("first_line", "message"),
    [
        ("phone,email,language,topics,lon,lat,address,label,consent_at", "missing: consent_how"),
        (",".join((*COLUMNS, "phone2")), r"unknown: phone2 \(like phone\)"),
        (",".join((*COLUMNS, "E-mail")), r"unknown: e_mail \(like email\)"),
        (",".join((*COLUMNS, "home address")), r"unknown: home_address \(like address\)"),
        (",".join((*COLUMNS[:-1], "concent how")), r"missing: consent_how; unknown: concent_how \(like consent_how\)"),
        (",".join((*COLUMNS, "phone")), "twice: phone"),
        (";".join(COLUMNS), "separated by semicolons"),
        ("+12155550100,tom@example.org,en,storm,-75,39,1 Main,home,,", "missing: phone"),
        (",,,\r\n\r\n", "missing: phone"),  # what follows is a resident, not the header
    ],
)
def test_a_wrong_header_is_refused_by_the_names_of_its_columns(first_line: str, message: str) -> None:
    with pytest.raises(Invalid, match=message) as caught:
        import_csv([first_line + "\r\n", *lines(row())[1:]], NOW)
    assert "tom@" not in str(caught.value)
    assert ask("SELECT * FROM subscribers") == []


def test_columns_that_are_like_none_of_ours_are_ignored_and_reported() -> None:
    file = lines(row() | {"Notes": "calls twice", "": ""}, columns=(*COLUMNS, "Notes", ""))
    report = import_csv(file, NOW)
    assert (report.kept, report.ignored) == (1, ("notes", "(no name)"))


def test_a_report_says_how_many_rows_are_suppressed_and_how_many_name_no_topic() -> None:
    with transaction() as s:
        opt_out(s, "sms", TOM["phone"], how="a test", now=NOW)
        opt_out(s, "email", "b@example.org", how="a test", now=NOW)
    rows = [
        row(),
        row(phone="+12155550101", email="b@example.org", topics=""),
        row(phone="+12155550102", email=""),
        row(lat="x", topics=""),
    ]
    for dry_run in (True, False):
        report = import_csv(lines(*rows), NOW, dry_run=dry_run)
        assert (report.kept, report.suppressed, report.without_topic) == (3, 2, 1)


def test_a_file_of_empty_lines_is_empty() -> None:
    for content in ([], ["\r\n"], ["sep=,\r\n", ",,,\r\n"]):
        with pytest.raises(Invalid, match="empty"):
            import_csv(content, NOW)


@pytest.mark.parametrize("before", [(), ("\r\n",), (" , ,\r\n", "\r\n"), ("sep=,\r\n",), ('"sep=,"\r\n',)])
def test_what_spreadsheets_put_before_and_between_is_no_row(before: tuple[str, ...]) -> None:
    header, good = lines(row())
    header = header.replace("consent_at", "Consent At").replace("consent_how", "CONSENT-HOW")
    bad = "nonsense," + "," * (len(COLUMNS) - 2) + "\r\n"
    done = import_csv([*before, header, good, "," * (len(COLUMNS) - 1) + "\r\n", " , \r\n", bad], NOW)
    assert (done.rows, done.kept, [one.line for one in done.bad]) == (2, 1, [len(before) + 5])
    assert ask("SELECT how FROM consents LIMIT 1") == ["web form"]


def write(folder: Path, content: bytes) -> Path:
    path = folder / "residents.csv"
    path.write_bytes(content)
    return path


def test_a_file_of_a_spreadsheet_begins_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert import_csv(write(tmp_path, "".join(lines(row())).encode("utf-8-sig")), NOW).kept == 1


def test_rows_in_another_encoding_are_bad_and_the_others_are_kept(tmp_path: Path) -> None:
    content = "".join(lines(row(label="año"), row(phone="+12155550101", email=""))).encode("latin-1")
    report = import_csv(write(tmp_path, content), NOW)
    assert [(bad.line, bad.reason) for bad in report.bad] == [(2, "It is not UTF-8: save the file in that encoding.")]
    assert report.kept == 1


@pytest.mark.parametrize("content", ["".join(lines(row())).encode("utf-16"), b"PK\x03\x04\xff\x00", b"\xff\xd8\xff"])
def test_a_file_that_is_no_csv_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Invalid, match="not a CSV file in UTF-8"):
        import_csv(write(tmp_path, content), NOW)


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Invalid, match="empty"):
        import_csv(write(tmp_path, content), NOW)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        import_csv(tmp_path, NOW)


def test_lines_are_numbered_as_an_editor_does() -> None:
    """With an address of two lines, an empty line, and a row of too few columns."""
    file = lines(row(address="1 Main Street\nRear", lon="x"), row(lat="x"))
    report = import_csv([*file[:3], "\r\n", "a,b\r\n", *file[3:]], NOW)
    assert [(bad.line, bad.reason[:12]) for bad in report.bad] == [
        (2, "lon: this is"), (5, "It has 2 col"), (6, "lat: this is")
    ]  # fmt: skip


def test_a_quote_that_is_never_closed_spoils_its_own_line_only() -> None:
    header, good, other = lines(row(), row(phone="+12155550101", email="ann@example.org"))
    open_quote = good.replace("1 Main Street", '"1 Main Street')
    for after in ([other], [other, *[f"x{n}\r\n" for n in range(20)]]):
        report = import_csv([header, open_quote, *after], NOW)
        assert (report.kept, report.bad[0].line, report.bad[0].reason) == (1, 2, "The quotes are wrong.")
    assert report.bad_count == 21


def test_strings_may_hold_several_lines() -> None:
    whole = "".join(lines(row(), row(lon="-75.2"), row(lat="x")))
    assert [bad.line for bad in import_csv([whole], NOW).bad] == [4]


def test_a_long_file_comes_in_by_chunks_with_progress_and_all_bad_rows_go_to_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notify.subscribers.importing.CHUNK", 100)
    monkeypatch.setattr("notify.subscribers.importing.MOST_LISTED", 10)
    rows = [
        row(phone=f"+1215555{n // 2:04}", email="", lat="x" if n % 5 == 0 else f"39.{9 - n % 2}") for n in range(250)
    ]
    seen: list[int] = []
    bad_rows = tmp_path / "bad.csv"
    report = import_csv(lines(*rows), NOW, on_progress=seen.append, bad_rows_to=bad_rows)
    assert seen == [100, 200, 250]
    assert (report.kept, report.bad_count, len(report.bad)) == (200, 50, 10)
    assert bad_rows.read_text().splitlines()[:2] == ["line,reason", "2,lat: this is not a number."]
    assert len(bad_rows.read_text().splitlines()) == 51
    assert report.new.residents == 125
    with transaction() as s:
        assert count(s).residents == 125


def test_an_import_leaves_an_audit_row_without_addresses() -> None:
    import_csv(lines(row(), row(lat="x")), NOW)
    assert ask("SELECT action, subject, detail FROM audit") == [
        ("import", "subscribers", {"rows": 2, "bad": 1, "new_residents": 1})
    ]

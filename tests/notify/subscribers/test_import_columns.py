"""Which columns a file of residents needs, and what a line with several faults is told."""

import re
from pathlib import Path

import pytest

from notify.city import zones as city_zones
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.models import Topic
from notify.subscribers import COLUMNS, import_csv
from notify.training.city import TrainingCity
from tests.factories import NOW
from tests.notify.city.geocoder.town import house, settle
from tests.notify.subscribers.test_importing import TOM, ask, lines, row

pytestmark = pytest.mark.usefixtures("database")

DOCS = Path(__file__).parents[3] / "docs"


def test_the_example_of_the_docs_can_be_imported_into_the_training_city_as_it_stands() -> None:
    with transaction() as s:
        city_zones.keep(
            s, "neighbourhood", [one for one in TrainingCity().zones() if one.kind == "neighbourhood"], "t", NOW
        )
    report = import_csv(DOCS / "subscribers-example.csv", NOW)
    assert (report.rows, report.kept, report.bad, report.ignored) == (4, 4, (), ())
    assert report.new.residents == 3
    assert ask("SELECT count(*) FROM contacts WHERE verified_at IS NULL") == [1]
    assert ask("SELECT label FROM places ORDER BY id") == ["home", "work", "casa", "home"]


def test_the_docs_name_every_column_and_topic() -> None:
    page = (DOCS / "subscribers.md").read_text()
    table = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    assert {name for name in COLUMNS if f"`{name}`" not in table} == set()
    assert " ".join(Topic) in table


NEEDED = ("topics", "consent_at", "consent_how")


@pytest.mark.parametrize("contact", ["phone", "email"])
@pytest.mark.parametrize("place", [("lon", "lat"), ("address",)])
def test_columns_with_a_sound_default_may_be_missing(contact: str, place: tuple[str, ...]) -> None:
    settle(houses=[house("1", "MAIN ST", -75.1, 39.9)])
    columns = (contact, *place, *NEEDED)
    report = import_csv(lines({name: TOM[name] for name in columns}, columns=columns), NOW)
    assert (report.kept, report.bad) == (1, ())
    assert ask("SELECT language, label FROM subscribers s JOIN places p ON p.subscriber_id = s.id") == [("en", "home")]
    assert ask("SELECT count(*) FROM contacts WHERE verified_at IS NOT NULL") == [1]


@pytest.mark.parametrize(
    ("without", "missing"),
    [
        (("phone", "email"), "missing: phone or email"),
        (("topics",), "missing: topics"),
        (("lon", "lat", "address"), "missing: lon and lat or address"),
        (("lat", "address"), "missing: lat or address"),
        (("consent_at", "consent_how"), "missing: consent_at and consent_how"),
        (("consent_at",), "missing: consent_at)"),
    ],
)
def test_columns_without_one_are_required(without: tuple[str, ...], missing: str) -> None:
    columns = [name for name in COLUMNS if name not in without]
    with pytest.raises(Invalid, match=re.escape(missing)):
        import_csv(lines({name: TOM[name] for name in columns}, columns=columns), NOW)


@pytest.mark.parametrize(
    ("other", "like"), [("longitude", "lon"), ("Lang", "language"), ("mobile", "phone"), ("tel", "phone")]
)
def test_a_column_that_is_missing_under_our_name_is_not_ignored_under_another(other: str, like: str) -> None:
    columns = [other if name == like else name for name in COLUMNS]
    given = {other if name == like else name: value for name, value in TOM.items()}
    with pytest.raises(Invalid, match=rf"{other.lower()} \(like {like}\)"):
        import_csv(lines(given, columns=columns), NOW)
    assert import_csv(lines(TOM | {other: ""}, columns=(*COLUMNS, other)), NOW).ignored == (other.lower(),)


def test_all_that_is_wrong_with_a_line_is_told_at_once() -> None:
    bad = row(
        phone="12",
        email="tom@",
        language="English",
        topics="tornado",
        lon="east",
        lat="91",
        address="x" * 301,
        label="y" * 61,
        consent_at="yesterday",
        consent_how="z" * 251,
    )
    [told] = import_csv(lines(bad), NOW).bad
    positions = [told.reason.index(f"{column}: ") for column in COLUMNS if column != "address"]
    assert positions, told.reason
    for column in COLUMNS:
        assert told.reason.count(f"{column}: ") == 1, told.reason


def test_what_is_right_is_not_told_with_it() -> None:
    [told] = import_csv(lines(row(phone="12", email="", lon="", lat="", consent_at="2027-01-12")), NOW).bad
    assert [part.split(":")[0] for part in re.findall(r"[a-z_, ]+: ", told.reason)] == [
        "phone", " address", " consent_at"
    ]  # fmt: skip
    [told] = import_csv(lines(row(lon="", lat="", address="x" * 301)), NOW).bad
    assert told.reason == "address: it is longer than 300 characters."


@pytest.mark.parametrize("column", ["opted_out", "SMS opt-out", "unsubscribed", "Status", "do_not_contact", "active"])
def test_a_column_that_may_say_who_has_left_is_never_ignored(column: str) -> None:
    """A list from another system with those who left in it: they would be written to."""
    with pytest.raises(Invalid, match="who must not get messages"):
        import_csv(lines(TOM | {column: "yes"}, columns=(*COLUMNS, column)), NOW)
    assert ask("SELECT count(*) FROM contacts") == [0]

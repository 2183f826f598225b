"""The label of a place is stored in clear, so none is an address."""

import re
from pathlib import Path

import pytest

from notify import migrations
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.subscribers import changing, export_csv, import_csv, wishes
from notify.subscribers.changing import Where
from notify.subscribers.labels import is_private, names_a_house
from notify.subscribers.wishes import Wish
from tests.database import sql
from tests.factories import NOW, operator, resident
from tests.notify.subscribers.test_importing import lines, row

ADDRESSES = ["4711 Elm St", "4 Elm", "12, Main St", "Calle Mayor 12", "Mom, 120B Main St", "me@example.org",
             "+12155550142", "(215) 555-0142", "call 215.555.0142"]  # fmt: skip
# Seen later than the migration that sealed what was stored.
MORE = ["12-14 Main St", "12Main St", "#12 Main St", "4B Elm St", "Elm St 7", "Calle Mayor 7", "12½ Oak Ave",
        "No.12 Main St", "Apt.12 Elm", "W12 Oak Street"]  # fmt: skip
WORDS = ["home", "Home 2", "work", "Mom's flat", "School No 5", "casa de mi mamá", "120", "2nd home", "PS118"]


@pytest.mark.parametrize("label", [*ADDRESSES, *MORE])
def test_an_address_is_private(label: str) -> None:
    assert is_private(label)


@pytest.mark.parametrize("label", WORDS)
def test_a_word_for_a_place_is_not(label: str) -> None:
    assert not is_private(label)


@pytest.mark.parametrize(
    ("how", "is_one"),
    [
        ("paper form, 12 Main St", True), ("call from 12 Main Street Apt 4", True), ("visita, Calle Mayor 7", True),
        ("call to 311", False), ("paper form of 2026-05-31", False), ("event of 12 May, St Mary", False),
    ],
)  # fmt: skip
def test_a_proof_names_no_house(how: str, is_one: bool) -> None:
    assert names_a_house(how) == is_one


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize(("address", "kept"), [("", "4711 Elm St"), ("1 Oak St", "1 Oak St")])
def test_an_import_seals_a_label_that_is_an_address(address: str, kept: str) -> None:
    report = import_csv(lines(row(label="4711 Elm St", address=address)), NOW)
    assert (report.kept, sql("SELECT label FROM places")[0].label) == (1, "home")
    with transaction() as s:
        assert kept in "".join(export_csv(s))


@pytest.mark.usefixtures("database")
def test_a_resident_who_types_an_address_as_the_label_keeps_it_sealed() -> None:
    with transaction() as s:
        who = resident(s, at=[])
        wishes.add(s, who.id, Wish(-75.1, 39.9, "4711 Elm St"), NOW)
    assert sql("SELECT label, address_sealed IS NOT NULL AS sealed FROM places") == [("Home", True)]


@pytest.mark.usefixtures("database")
def test_an_operator_is_told_to_use_a_word() -> None:
    with transaction() as s:
        who = resident(s)
        with pytest.raises(Invalid, match="looks like an address"):
            changing.add_place(s, who.id, "4711 Elm St", Where("", 0.5, 0.5, True), NOW, operator(s, "agent"))


@pytest.mark.usefixtures("database")
def test_postgresql_finds_the_same_labels_when_a_database_is_upgraded() -> None:
    (file,) = (Path(str(migrations.__file__)).parent / "versions").glob("*_asked_to_confirm.py")
    (condition,) = re.findall(r"labels.py\n\s+WHERE (.*?);", file.read_text(), re.DOTALL)
    condition = condition.replace("\\\\", "\\")
    for label in [*ADDRESSES, *WORDS]:
        (found,) = sql(f"SELECT {condition} AS private FROM (SELECT CAST(:it AS text) AS label) x", it=label)
        assert found.private == is_private(label), label

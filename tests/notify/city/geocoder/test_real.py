"""Real streets and addresses, with errors planted in what is asked: found nearly always, wrong hardly ever.

An answer is wrong when it is given for sure and its street or number is another one.
"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from notify import training
from notify.city import geocoder
from notify.core.db import transaction
from notify.core.settings import settings
from notify.training.city import TrainingCity
from tests.misspelling import misspelt
from tests.notify.city.geocoder.town import NOW, found, house, settle
from tests.zones.addresses.test_files import unzipped
from tests.zones.real import real_file
from zones.addresses.files import read_addresses, read_landmarks, read_streets
from zones.addresses.ranges import metres
from zones.addresses.rows import AddressRow, BadRow, StreetRow
from zones.addresses.streets import street_name

ASKED = 2_000
FOUND, WRONG = 0.97, 0.005


@dataclass(frozen=True)
class Asked:
    number: str
    street: str
    city: str = ""
    zip: str = ""


def philadelphia() -> tuple[list[StreetRow], list[Asked]]:
    """Its streets, and a number on each side of each block that has some."""
    path = real_file("basemap/philadelphia_streets_with_ranges.gpkg")
    rng, asked = random.Random(5), []
    rows = [row for row in read_streets(path, {}) if isinstance(row, StreetRow)]
    for row in rows:
        for first, last in (side for side in (row.left, row.right) if side):
            step = 2 if (first - last) % 2 == 0 else 1
            number = rng.randrange(min(first, last), max(first, last) + 1, step)
            asked.append(Asked(str(number), row.name, "Philadelphia", rng.choice(("19147", "19121"))))
    return rows, asked


def shares(asked: Sequence[Asked], seed: int, most: int) -> tuple[float, float]:
    """The share of them that is found, and that is answered for sure and wrongly."""
    rng, right, wrong = random.Random(seed), 0, 0
    chosen = [rng.choice(asked) for _ in range(most)]
    for one in chosen:
        text, _ = misspelt(one.number, one.street, one.city, one.zip, rng)
        answer = found(text)
        first = answer.matches[0] if answer.matches else None
        hit = first is not None and (first.street, first.number) == (street_name(one.street).key, one.number)
        right += hit
        wrong += answer.certain and not hit
    return right / len(chosen), wrong / len(chosen)


@pytest.mark.long
def test_streets_of_philadelphia(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_CITY", "City of Philadelphia")
    settings.cache_clear()
    rows, asked = philadelphia()
    assert len(rows) == 40_449
    with transaction() as s:
        geocoder.keep_streets(s, rows, "city", NOW, confirmed=True)
    right, wrong = shares(asked, 17, ASKED)
    assert right >= FOUND
    assert wrong < WRONG
    crossing = found("broad st & vine st").matches[0]
    assert (crossing.kind, metres((crossing.lon, crossing.lat), (-75.1624, 39.9576)) < 200) == ("intersection", True)
    landmarks = read_landmarks(real_file("addresses/passyunk/landmarks.csv"), {}, header=["name", "address"])
    marks = [row for row in landmarks if not isinstance(row, BadRow) and row[1].address[:1].isdecimal()][:150]
    with transaction() as s:
        kept = geocoder.keep_landmarks(
            s, marks, "city", NOW, lambda address: geocoder.locate(s, address), confirmed=True
        )
    assert kept.kept > 0.8 * len(marks)
    assert found("abiding truth ministries").matches[0].kind == "landmark"


def openaddresses(name: str) -> Callable[[Path], Iterator[AddressRow | BadRow]]:
    return lambda folder: read_addresses(unzipped(f"addresses/oa_output_{name}.zip", folder), {})


def excerpt(name: str) -> Callable[[Path], Iterator[AddressRow | BadRow]]:
    return lambda _: read_addresses(real_file(f"addresses/oa_{name}.zip"), {})


def rrad(_: Path) -> Iterator[AddressRow]:
    """Real addresses all over the United States."""
    for one in json.loads(real_file("addresses/rrad_us_addresses_geocoded.json").read_text())["addresses"]:
        number, _, street = one["address1"].partition(" ")
        if number.isdecimal() and street[:1].isalpha() and "coordinates" in one:
            at = one["coordinates"]
            yield house(number, street, at["lng"], at["lat"], city=one.get("city", ""), zip_code=one["postalCode"])


@pytest.mark.parametrize(
    "read",
    [openaddresses("alameda"), openaddresses("portland_metro"), excerpt("us-ut-excerpt"),
     excerpt("us-ca-alameda_county-excerpt"), excerpt("us-ca-berkeley-excerpt"), rrad],
    ids=["alameda", "portland", "utah", "alameda county", "berkeley", "rrad"],
)  # fmt: skip
def test_house_numbers(read: Callable[[Path], Iterator[AddressRow | BadRow]], database: str, tmp_path: Path) -> None:
    rows = [row for row in read(tmp_path) if isinstance(row, AddressRow)]
    with transaction() as s:
        geocoder.keep_addresses(s, rows, "city", NOW, confirmed=True)
    asked = [Asked(str(row.number), row.street, row.city, row.zip) for row in rows]
    right, wrong = shares(asked, 17, 500)
    assert right >= FOUND
    assert wrong < WRONG


def test_the_training_city(database: str) -> None:
    training.settle(10, datetime.now(UTC))
    city = TrainingCity()
    points, names = city.addresses, [street.name for street in city.streets]
    for i in range(0, points.number.size, 1_000):
        answer = found(f"{points.number[i]} {names[points.street[i]]}")
        assert answer.certain
        first = answer.matches[0]
        assert (first.kind, first.lon, first.lat) == ("point", points.lon[i], points.lat[i])
    assert found("120 Maple Avenue").matches[0].street == "MAPLE AVE"
    settle()

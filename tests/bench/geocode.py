"""`geocode`: import addresses and find misspelt ones. Baseline: PostgreSQL's own trigram search.

The streets are those of Philadelphia if its files are available, else those of the training city.
"""

import csv
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
from sqlalchemy import text

from notify.city import geocoder
from notify.core.db import transaction
from notify.training.blocks import blocks
from notify.training.city import TrainingCity
from tests.bench.figures import Figure, Goal
from tests.bench.parts import copy, figure, fresh_servers, seconds
from tests.bench.size import Size
from tests.misspelling import misspelt
from tests.owner import as_owner
from tests.zones.real import DATA
from zones.addresses.files import read_streets
from zones.addresses.rows import StreetRow
from zones.addresses.streets import street_name
from zones.files import quarantine, rowfile

ADDRESSES = {Size.SMOKE: 2_000, Size.USUAL: 200_000, Size.FULL: 200_000}
ASKED = {Size.SMOKE: 100, Size.USUAL: 2_000, Size.FULL: 2_000}
BASELINE_ASKED = {Size.SMOKE: 5, Size.USUAL: 200, Size.FULL: 200}
REAL = DATA / "basemap" / "philadelphia_streets_with_ranges.gpkg"
IMPORT_S, LOOKUP_MS = 60.0, 30.0
FOUND, WRONG = 0.97, 0.005
CITY, ZIPS = "Philadelphia", ("19147", "19121")


@dataclass(frozen=True)
class Asked:
    number: str
    street: str
    text: str


def geocode(size: Size) -> Iterator[Figure]:
    """Import of 200,000 addresses; lookups on ranges and on points; type-ahead."""
    found = read_streets(REAL, {}) if REAL.exists() else blocks(TrainingCity())
    streets = [row for row in found if isinstance(row, StreetRow)]
    asked, baseline_asked = _asked(streets, ASKED[size]), BASELINE_ASKED[size]
    with fresh_servers():
        took = seconds(lambda: _keep_streets(streets))
        yield Figure("geocode: import of blocks of streets", len(streets), took)
        yield _lookups("ranges", asked, baseline_asked, _trigrams_of_streets)
        yield _import(streets, ADDRESSES[size])
        yield _lookups("points", asked, baseline_asked, _trigrams_of_addresses)
        yield _suggestions(asked)


def _keep_streets(streets: Sequence[StreetRow]) -> None:
    with transaction() as s:
        geocoder.keep_streets(s, streets, "bench", datetime.now(UTC), confirmed=True)


def _houses(streets: Sequence[StreetRow]) -> Iterator[tuple[int, str, float, float]]:
    """Yield every number of the ranges, block by block in random order, so that all parts of the city have some."""
    for row in random.Random(3).sample(streets, len(streets)):
        for first, last in (side for side in (row.left, row.right) if side):
            for number in range(min(first, last), max(first, last) + 1, 2):
                yield number, row.name, row.line.bounds[0], row.line.bounds[1]


def _import(streets: Sequence[StreetRow], addresses: int) -> Figure:
    """Import from a CSV file. Baseline: COPY of the same lines into a table of text."""
    rows = list(islice(_houses(streets), addresses))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "addresses.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("NUMBER", "STREET", "LON", "LAT"))
            writer.writerows(rows)

        def work() -> None:
            with quarantine.read_rows(rowfile.ADDRESSES, path, {"given": {}}) as rows, transaction() as s:
                geocoder.keep_addresses(s, rows, "bench", datetime.now(UTC), confirmed=True)

        took = seconds(work)
        lines = [(line,) for line in path.read_text().splitlines()]
        bare = seconds(lambda: copy("CREATE TEMP TABLE lines (line text)", "lines", lines))
    told = figure("geocode: import of addresses", len(rows), took, "COPY of the lines", bare)
    return _with(told, Goal(f"seconds for {len(rows):,}", took, IMPORT_S))


def _asked(streets: Sequence[StreetRow], count: int) -> list[Asked]:
    """Return addresses on the ranges, each with one or two errors."""
    rng, asked = random.Random(17), []
    sides = [(row.name, side) for row in streets for side in (row.left, row.right) if side]
    for street, (first, last) in (rng.choice(sides) for _ in range(count)):
        number = str(rng.randrange(min(first, last), max(first, last) + 1, 2 if (first - last) % 2 == 0 else 1))
        asked.append(Asked(number, street, misspelt(number, street, CITY, rng.choice(ZIPS), rng)[0]))
    return asked


def _lookups(
    what: str,
    asked: Sequence[Asked],
    baseline_asked: int,
    trigrams: Callable[[Sequence[Asked]], tuple[float, float]],
) -> Figure:
    """The share found (the first match is the right street and number) and wrong (a certain match is not)."""
    _find("1 Main St")  # street names are loaded on first use
    moments, right, wrong, offered = [], 0, 0, 0
    for one in asked:
        began = time.perf_counter()
        answer = _find(one.text)
        moments.append(time.perf_counter() - began)
        key = street_name(one.street).key
        hits = [(match.street, match.number) == (key, one.number) for match in answer.matches]
        right, offered = right + (hits[:1] == [True]), offered + any(hits)
        wrong += answer.certain and hits[:1] != [True]
    bare, bare_right = trigrams(asked[:baseline_asked])
    p95 = float(np.percentile(moments, 95)) * 1000
    return Figure(
        f"geocode: lookups on {what}",
        len(asked),
        sum(moments),
        baseline="pg_trgm",
        baseline_amount=baseline_asked,
        baseline_seconds=bare,
        goals=(
            Goal("share found", right / len(asked), FOUND, at_least=True),
            Goal("share wrong", wrong / len(asked), WRONG),
            Goal("ms, 95th percentile", p95, LOOKUP_MS),
        ),
        notes={
            "found or among the choices": round(offered / len(asked), 4),
            "ms, median": round(float(np.median(moments)) * 1000, 1),
            "share found by pg_trgm": round(bare_right, 3),
        },
    )


def _find(written: str) -> geocoder.Found:
    with transaction() as s:
        return geocoder.find(s, written)


def _suggestions(asked: Sequence[Asked]) -> Figure:
    """Suggestions for a number and the first letters of a street. Baseline: LIKE with a suitable index."""
    begun = [f"{one.number} {one.street[: 3 + i % 4]}" for i, one in enumerate(asked)]
    moments: list[float] = []

    def suggest(written: str) -> None:
        began = time.perf_counter()
        with transaction() as s:
            geocoder.suggest(s, written)
        moments.append(time.perf_counter() - began)

    took = seconds(lambda: [suggest(written) for written in begun])
    with transaction() as s:
        s.execute(
            text("CREATE TEMP TABLE bare ON COMMIT DROP AS SELECT number || ' ' || street AS label FROM address_points")
        )
        s.execute(text("CREATE INDEX ON bare (label text_pattern_ops)"))
        like = text("SELECT label FROM bare WHERE label LIKE :begun ORDER BY label LIMIT 8")
        bare = seconds(lambda: [s.execute(like, {"begun": f"{written}%"}).all() for written in begun])
    p95 = float(np.percentile(moments, 95)) * 1000
    return _with(figure("geocode: type-ahead", len(begun), took, "LIKE", bare), Goal("ms, 95th", p95, LOOKUP_MS))


def _trigrams_of_streets(asked: Sequence[Asked]) -> tuple[float, float]:
    """Return seconds, and the share whose nearest street is the right one. The number is not searched for."""
    return _trigrams("SELECT DISTINCT name AS label FROM streets", asked, lambda one: one.street)


def _trigrams_of_addresses(asked: Sequence[Asked]) -> tuple[float, float]:
    """Return the same for whole addresses."""
    label = "SELECT number || ' ' || street AS label FROM address_points"
    return _trigrams(label, asked, lambda one: f"{one.number} {one.street}")


def _trigrams(labels: str, asked: Sequence[Asked], wanted: Callable[[Asked], str]) -> tuple[float, float]:
    as_owner("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    with transaction() as s:
        s.execute(text(f"CREATE TEMP TABLE bare ON COMMIT DROP AS {labels}"))
        s.execute(text("CREATE INDEX ON bare USING gist (label gist_trgm_ops(siglen=64))"))
        nearest = text("SELECT label FROM bare ORDER BY label <-> :text LIMIT 1")
        found: list[object] = []
        took = seconds(lambda: found.extend(s.scalar(nearest, {"text": one.text.upper()}) for one in asked))
    return took, sum(label == wanted(one) for label, one in zip(found, asked, strict=True)) / len(asked)


def _with(told: Figure, goal: Goal) -> Figure:
    return replace(told, goals=(goal,))

"""What is published of a table of calls: no small count can be read, and none be computed from totals."""

import itertools
import random
from collections.abc import Iterator, Mapping
from datetime import date

import numpy as np
import pytest

from notify.service311.calls import open_data
from notify.service311.calls.small_cells import FEWEST, TOTAL, Cell, published

Table = Mapping[Cell, int]


def with_totals(counts: Table) -> dict[Cell, int]:
    rows, columns = sorted({row for row, _ in counts}, key=str), sorted({one for _, one in counts}, key=str)
    table = {(row, one): counts.get((row, one), 0) for row in rows for one in columns}
    table |= {(row, TOTAL): sum(table[row, one] for one in columns) for row in rows}
    table |= {(TOTAL, one): sum(table[row, one] for row in rows) for one in [*columns, TOTAL]}
    return table


def computable(counts: Table) -> set[Cell]:
    """The withheld counts that follow from those that are published, by linear algebra: those whose unit vector is in
    the row space of the equations "the cells of a line add up to its total". Zeros are taken as known, to be strict."""
    table, shown = with_totals(counts), published(counts)
    hidden = [cell for cell, n in table.items() if n > 0 and cell not in shown]
    lines = [
        {cell: -1 if cell[1 - side] == TOTAL else 1 for cell in table if cell[side] == name}
        for side in (0, 1)
        for name in {cell[side] for cell in table}
    ]
    equations = np.array([[line.get(cell, 0) for cell in hidden] for line in lines], dtype=float)
    if not hidden:
        return set()
    rank = np.linalg.matrix_rank(equations)
    unit = np.eye(len(hidden))
    return {
        cell for place, cell in enumerate(hidden) if np.linalg.matrix_rank(np.vstack([equations, unit[place]])) == rank
    }


def tables(seed: int, many: int) -> Iterator[dict[Cell, int]]:
    rng = random.Random(seed)
    for _ in range(many):
        rows, columns = rng.randint(1, 6), rng.randint(1, 6)
        most = rng.choice([3, 12, 40, 200])
        yield {(f"r{r}", c): rng.choice([0, rng.randint(0, most)]) for r in range(rows) for c in range(columns)}


def test_no_count_of_many_tables_can_be_read_or_computed() -> None:
    seen = 0
    for counts in tables(311, 100):
        shown = published(counts)
        assert all(n >= FEWEST for n in shown.values())
        assert all(with_totals(counts)[cell] == n for cell, n in shown.items())
        assert computable(counts) == set()
        seen += len(shown)
    assert seen > 300  # it does not simply withhold everything


def possible(counts: Table, cell: Cell) -> set[int]:
    """All values that a withheld cell of a table of two rows and two columns can have, by trying every table."""
    shown = published(counts)
    every = np.indices((40, 40, 40, 40), dtype=np.int16).reshape(4, -1)
    names = list(itertools.product("ab", "xy"))
    for place, name in enumerate(names):
        if name in shown:
            every = every[:, every[place] == shown[name]]
    for total in ((row, column) for row in ("a", "b", TOTAL) for column in ("x", "y", TOTAL)):
        if TOTAL in total and total in shown:
            parts = [n for n, one in enumerate(names) if total[0] in (one[0], TOTAL) and total[1] in (one[1], TOTAL)]
            every = every[:, every[parts].sum(axis=0) == shown[total]]
    return set(every[names.index(cell)].tolist())


@pytest.mark.parametrize(
    "values", [(3, 12, 14, 11), (1, 30, 0, 20), (9, 9, 9, 9), (2, 0, 0, 2), (5, 10, 10, 10), (1, 1, 20, 20)]
)
def test_the_reader_of_a_small_table_is_left_with_several_values(values: tuple[int, ...]) -> None:
    counts: dict[Cell, int] = dict(zip(itertools.product("ab", "xy"), values, strict=True))
    for cell, n in counts.items():
        if 0 < n < FEWEST:
            assert len(possible(counts, cell)) > 1


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ({}, {}),
        ({("pothole", 1): 25}, {("pothole", 1): 25, ("pothole", TOTAL): 25, (TOTAL, 1): 25, (TOTAL, TOTAL): 25}),
        ({("pothole", 1): 9}, {}),
        # 40 - 35 would be the 5 of the other zone; and with one more count of each line the rest could be computed.
        (
            {("pothole", 1): 35, ("pothole", 2): 5, ("noise", 1): 50, ("noise", 2): 60},
            {("pothole", TOTAL): 40, ("noise", TOTAL): 110, (TOTAL, 1): 85, (TOTAL, 2): 65, (TOTAL, TOTAL): 150},
        ),
    ],
)
def test_known_tables(counts: dict[Cell, int], shown: dict[Cell, int]) -> None:
    assert published(counts) == shown


def test_no_cell_of_the_file_is_a_formula() -> None:
    row = open_data.Row(date(2026, 11, 1), "missed", "=HYPERLINK(1)", "collection", "@North", 12)
    assert open_data.as_csv([row]).splitlines()[1] == "2026-11-01,missed,'=HYPERLINK(1),collection,'@North,12"


def test_ten_is_published_and_nine_is_not() -> None:
    """One more or less would be another promise than the one in docs/311.md."""
    assert published({("pothole", 1): FEWEST})["pothole", 1] == 10
    assert published({("pothole", 1): FEWEST - 1}) == {}


def test_what_is_withheld_of_a_line_with_a_total_is_no_small_count_together() -> None:
    for counts in tables(312, 100):
        shown = published(counts)
        for line in {("row", row) for row, _ in counts} | {("column", column) for _, column in counts}:
            of_line = [cell for cell in counts if cell[line[0] == "column"] == line[1]]
            total = (line[1], TOTAL) if line[0] == "row" else (TOTAL, line[1])
            if total in shown:
                hidden = shown[total] - sum(shown.get(cell, 0) for cell in of_line)
                assert hidden == 0 or hidden >= FEWEST, (counts, line)

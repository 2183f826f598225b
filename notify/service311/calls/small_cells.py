"""Which counts of a table may be published, so that no small one can be read or computed. Pure: no database.

A table has reasons as rows and zones as columns, with the totals of both. A count below FEWEST is withheld, totals
included. What a reader could then compute from totals is hidden by withholding more (complementary suppression): the
withheld counts are the edges of a graph between rows and columns, to which the totals belong as one more row and
column; a count can be computed exactly if and only if its edge is on no circle. So each is put on a circle, by
withholding the smallest counts that close one.

What is not published is left out and not told from zero: who knew where zeros are would know that a withheld count is
at least one. Circles are closed by counts above zero only, so that this holds even for a reader who knows the zeros.
"""

import heapq
from collections.abc import Hashable, Iterable, Mapping

FEWEST = 10  # calls
TOTAL = ""  # as a row or column: of all of them

Cell = tuple[Hashable, Hashable]  # row, column


def published(counts: Mapping[Cell, int]) -> dict[Cell, int]:
    """Return the counts and totals that may be published. `counts`: by row and column, neither of them TOTAL."""
    table = {cell: n for cell, n in counts.items() if n > 0}
    for (row, column), n in list(table.items()):
        for total in ((row, TOTAL), (TOTAL, column), (TOTAL, TOTAL)):
            table[total] = table.get(total, 0) + n
    withheld = {cell for cell, n in table.items() if n < FEWEST}
    _pad(table, withheld)
    for cell in sorted(withheld, key=repr):
        while (way := _cheapest_circle(table, withheld, cell)) - withheld:
            withheld |= way
    return {cell: n for cell, n in table.items() if cell not in withheld}


def _pad(table: Mapping[Cell, int], withheld: set[Cell]) -> None:
    """Withhold more where what is withheld in a row or column is fewer than FEWEST calls together: their sum, which
    the published counts give, would be a small count itself."""
    changed = True
    while changed:
        changed = False
        for line in _lines(table):
            hidden = [cell for cell in line if cell in withheld and TOTAL not in cell]
            shown = sorted((cell for cell in line if cell not in withheld), key=lambda cell: (table[cell], repr(cell)))
            if 0 < sum(table[cell] for cell in hidden) < FEWEST and any(TOTAL in cell for cell in shown):
                withheld.add(shown[0])
                changed = True


def _lines(table: Mapping[Cell, int]) -> Iterable[list[Cell]]:
    """Return the rows and columns whose totals are counts of the table: of reasons and of zones."""
    for row in sorted({row for row, _ in table if row != TOTAL}, key=repr):
        yield [cell for cell in table if cell[0] == row]
    for column in sorted({column for _, column in table if column != TOTAL}, key=repr):
        yield [cell for cell in table if cell[1] == column]


def _cheapest_circle(table: Mapping[Cell, int], withheld: set[Cell], cell: Cell) -> set[Cell]:
    """Return the cells that close a circle with this one, for the fewest calls that are not withheld yet."""
    ways: dict[tuple[str, Hashable], list[tuple[tuple[str, Hashable], Cell]]] = {}
    for one in table:
        if one != cell:
            row, column = ("row", one[0]), ("column", one[1])
            ways.setdefault(row, []).append((column, one))
            ways.setdefault(column, []).append((row, one))
    start, goal = ("row", cell[0]), ("column", cell[1])
    queue: list[tuple[int, int, tuple[str, Hashable], tuple[Cell, ...]]] = [(0, 0, start, ())]
    done, turn = set(), 0
    while queue:
        cost, _, node, way = heapq.heappop(queue)
        if node == goal:
            return set(way)
        if node in done:
            continue
        done.add(node)
        for other, one in ways.get(node, ()):
            if other not in done:
                turn += 1
                dear = 0 if one in withheld else table[one]
                heapq.heappush(queue, (cost + dear, turn, other, (*way, one)))
    return set()  # never: the totals close a circle with each count above zero

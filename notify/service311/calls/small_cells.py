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
from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import count

FEWEST = 10  # calls
TOTAL = ""  # as a row or column: of all of them

Cell = tuple[Hashable, Hashable]  # row, column
Node = tuple[int, Hashable]  # 0: a row, 1: a column


def published(counts: Mapping[Cell, int]) -> dict[Cell, int]:
    """Return the counts and totals that may be published. `counts`: by row and column, neither of them TOTAL."""
    table = {cell: n for cell, n in counts.items() if n > 0}
    for (row, column), n in list(table.items()):
        for total in ((row, TOTAL), (TOTAL, column), (TOTAL, TOTAL)):
            table[total] = table.get(total, 0) + n
    withheld = {cell for cell, n in table.items() if n < FEWEST}
    _pad(table, withheld)
    ways = _ways(table)
    while alone := _on_no_circle(withheld):
        for cell in sorted(alone, key=repr):
            withheld |= _cheapest_circle(ways, table, withheld, cell)
    return {cell: n for cell, n in table.items() if cell not in withheld}


def _pad(table: Mapping[Cell, int], withheld: set[Cell]) -> None:
    """Withhold more where what is withheld in a row or column is fewer than FEWEST calls together: their sum, which
    the published counts give, would be a small count itself."""
    lines: dict[Node, list[Cell]] = {}
    for row, column in table:
        lines.setdefault((0, row), []).append((row, column))
        lines.setdefault((1, column), []).append((row, column))
    changed = True
    while changed:
        changed = False
        for (_, name), line in lines.items():
            hidden = sum(table[cell] for cell in line if cell in withheld and TOTAL not in cell)
            if name != TOTAL and 0 < hidden < FEWEST:
                shown = [cell for cell in line if cell not in withheld]
                if any(TOTAL in cell for cell in shown):
                    withheld.add(min(shown, key=lambda cell: (table[cell], repr(cell))))
                    changed = True


def _ways(cells: Iterable[Cell]) -> dict[Node, list[tuple[Node, Cell]]]:
    """Return the graph: from each row and column, where its cells lead."""
    ways: dict[Node, list[tuple[Node, Cell]]] = {}
    for cell in cells:
        row, column = (0, cell[0]), (1, cell[1])
        ways.setdefault(row, []).append((column, cell))
        ways.setdefault(column, []).append((row, cell))
    return ways


def _on_no_circle(withheld: set[Cell]) -> list[Cell]:
    """Return the withheld cells that are on no circle of withheld ones: the graph's bridges, in one walk (Tarjan)."""
    ways, turn = _ways(withheld), count(1)
    seen: dict[Node, int] = {}
    low: dict[Node, int] = {}
    found: list[Cell] = []
    for start in ways:
        if start in seen:
            continue
        seen[start] = low[start] = next(turn)
        walk: list[tuple[Node, Cell | None, Iterator[tuple[Node, Cell]]]] = [(start, None, iter(ways[start]))]
        while walk:
            node, came, rest = walk[-1]
            step = next(rest, None)
            if step is None:
                walk.pop()
                if came is not None:
                    before = walk[-1][0]
                    low[before] = min(low[before], low[node])
                    if low[node] > seen[before]:
                        found.append(came)
            elif step[1] != came:
                other, cell = step
                if other in seen:
                    low[node] = min(low[node], seen[other])
                else:
                    seen[other] = low[other] = next(turn)
                    walk.append((other, cell, iter(ways[other])))
    return found


def _cheapest_circle(
    ways: Mapping[Node, list[tuple[Node, Cell]]], table: Mapping[Cell, int], withheld: set[Cell], cell: Cell
) -> set[Cell]:
    """Return the cells that close a circle with this one, for the fewest calls that are not withheld yet."""
    start, goal = (0, cell[0]), (1, cell[1])
    queue: list[tuple[int, int, Node]] = [(0, 0, start)]
    came: dict[Node, tuple[Node, Cell]] = {}
    cost: dict[Node, int] = {start: 0}
    turn = count(1)
    while queue:
        so_far, _, node = heapq.heappop(queue)
        if node == goal:
            break
        if so_far > cost[node]:
            continue
        for other, one in ways[node]:
            dear = so_far + (0 if one in withheld else table[one])
            if one != cell and dear < cost.get(other, dear + 1):
                cost[other], came[other] = dear, (node, one)
                heapq.heappush(queue, (dear, next(turn), other))
    found, node = set(), goal
    while node != start:
        node, one = came[node]  # the totals close a circle with each count above zero
        found.add(one)
    return found

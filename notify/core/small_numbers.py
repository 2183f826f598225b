"""Round counts of residents, so that a small one cannot be computed from those shown beside it."""

FEWEST = 10


def rounded(number: int) -> int:
    """Return a count rounded down to tens: with 35 and 41 shown, the 6 hidden beside them would be known."""
    return number - number % FEWEST

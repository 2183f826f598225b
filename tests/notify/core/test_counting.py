"""One row, two rows."""

import pytest

from notify.core.counting import counted


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ("row",), "0 rows"),
        (1, ("row",), "1 row"),
        (2, ("address",), "2 addresses"),
        (12_345, ("contact",), "12,345 contacts"),
        (1, ("block of a street", "blocks of streets"), "1 block of a street"),
        (3, ("block of a street", "blocks of streets"), "3 blocks of streets"),
    ],
)
def test_a_noun_follows_its_number(number: int, words: tuple[str, ...], said: str) -> None:
    assert counted(number, *words) == said

"""What the keyed columns of rows hold under the new secret key (`rotation`)."""

from collections.abc import Sequence
from typing import Any

from notify.core import crypto, points
from notify.core.errors import Unavailable
from notify.operations.rekeying import CELL, INDEX, KEPT, POINT, SEALED, SECRET, WISH


def rekeyed(columns: Sequence[str], rows: Sequence[Any], new: bytes) -> list[Sequence[Any]]:
    """Return the values for the new key of rows (id, purpose, resident, values), column by column."""
    _, purposes, residents, *old = zip(*rows, strict=True) if rows else ((), (), (), *((),) * len(columns))
    values: dict[str, Sequence[Any]] = dict(zip(columns, old, strict=True))
    if POINT in values:
        were = [points.Sealed(*pair) for pair in zip(values[POINT], values[CELL], strict=True)]
        sealed = points.rekeyed(residents, were, new)
        values[POINT], values[CELL] = [one.point_sealed for one in sealed], [one.cell_index for one in sealed]
    for column in {INDEX, SEALED, SECRET, WISH, KEPT} & values.keys():
        given = zip(purposes, values[column], strict=True)
        values[column] = [_rekeyed_address(column, purpose, value, new) for purpose, value in given]
    return [values[column] for column in columns]


def _rekeyed_address(column: str, purpose: str, value: bytes | None, new: bytes) -> bytes | None:
    if value is None:
        return None
    if column == INDEX:
        return crypto.next_index(value, new)
    try:
        return crypto.seal(crypto.unseal(value, purpose), purpose, new)
    except Unavailable:  # damaged: it stays as it is (`rekeying.unchanged`)
        return value

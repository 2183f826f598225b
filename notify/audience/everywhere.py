"""The residents who gave no place: they belong to what goes to the whole city, and to nothing else."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text
from sqlalchemy.orm import Session

from zones.membership import Membership

LAST_ID = 2**63 - 1


class InCity(Membership):
    """An area. `whole`: it is the whole city (`city.whole`)."""

    def __init__(self, area: BaseGeometry, *, whole: bool = False) -> None:
        super().__init__(area)
        self.whole = whole


def placeless(s: Session, after: int = 0, through: int = LAST_ID) -> NDArray[np.int64]:
    """Return the ids, ascending, of residents without a place who have proved a phone or email. Whose place cannot be
    decrypted has one. Only ids above `after` and up to `through` are returned."""
    # Written out, not as parameters: PostgreSQL would come to plan for a few ids, and take several times as long.
    return _found(s, f"c.subscriber_id > {int(after)} AND c.subscriber_id <= {int(through)}")


def placeless_of(s: Session, residents: Sequence[int]) -> NDArray[np.int64]:
    """Return those of some residents who are `placeless`."""
    return _found(s, "c.subscriber_id = ANY(:residents)", residents=list(residents))


def _found(s: Session, which: str, **values: Any) -> NDArray[np.int64]:
    found = s.execute(text(_PLACELESS.format(which)), values).scalar()
    return np.unique(np.array(found or [], dtype=np.int64))


# Contacts are asked, not residents: who is erased has none that is proved.
_PLACELESS = """
    SELECT array_agg(c.subscriber_id) FROM contacts c
     WHERE {} AND c.verified_at IS NOT NULL AND c.address_sealed IS NOT NULL
       AND NOT EXISTS (SELECT FROM places p WHERE p.subscriber_id = c.subscriber_id)
"""

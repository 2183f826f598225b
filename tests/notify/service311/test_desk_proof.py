"""What a code that was read back opens: for this agent, this resident, and as long as a call lasts."""

from datetime import timedelta

import pytest

from notify.core.db import transaction
from notify.core.errors import Refused
from notify.service311.desk import proof
from notify.service311.desk.proof import LIVES, Proven
from tests.factories import NOW, operator

pytestmark = pytest.mark.usefixtures("database")


def test_a_proof_is_of_one_agent_and_one_call() -> None:
    with transaction() as s:
        ann, ben = operator(s, "agent", "ann@example.org"), operator(s, "agent", "ben@example.org")
    given = proof.token(Proven(ann.id, 7, 3), NOW)
    assert proof.read(given, ann, NOW + LIVES - timedelta(seconds=1)) == Proven(ann.id, 7, 3)
    assert proof.read(given, ann, NOW + LIVES) is None
    assert proof.read(given, ben, NOW) is None, "who finds the cookie of another agent"
    assert proof.read(given[:-2], ann, NOW) is None
    with pytest.raises(Refused, match="has not read back"):
        proof.require(Proven(ann.id, 7, 3), 8)

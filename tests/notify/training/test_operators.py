"""Who works in the training city."""

import pytest

from notify import training
from notify.accounts import operators
from notify.core.db import transaction
from tests.factories import NOW


@pytest.mark.usefixtures("database")
def test_every_role_can_be_rehearsed() -> None:
    training.settle(10, NOW)
    with transaction() as s:
        assert sorted(one.role for one in operators.all_operators(s)) == sorted(operators.ROLES)

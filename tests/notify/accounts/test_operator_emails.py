"""Operators are known by email addresses, in the same form as residents'."""

import pytest

from notify.accounts import operators
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.models import Operator
from tests.factories import NOW

pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize(
    "email", ["tom", "tom@", "tom@city", "Tom <tom@example.org>", "tom@example..org", "t m@example.org"]
)
def test_what_is_no_email_is_no_operator(email: str) -> None:
    with pytest.raises(Invalid, match="cannot be an operator's email"), transaction() as s:
        operators.add(s, email, "admin", NOW)


def test_an_operator_is_found_by_every_spelling_of_the_address() -> None:
    with transaction() as s:
        made = operators.add(s, " Tom@B\u00fccher.example ", "admin", NOW)
        assert made.email == "tom@xn--bcher-kva.example"
        for spelling in ("tom@b\u00fccher.example", "TOM@XN--BCHER-KVA.EXAMPLE"):
            assert operators.find(s, spelling) is made
        with pytest.raises(Invalid, match="is already an operator"):
            operators.add(s, "tom@b\u00fccher.example", "author", NOW)


@pytest.mark.parametrize("email", ["tom@b\u00fccher.example", "chief@localhost"])
def test_an_operator_of_an_earlier_version_is_still_found(email: str) -> None:
    with transaction() as s:
        s.add(Operator(email=email, role="admin", created_at=NOW))
        s.flush()
        assert operators.find(s, email).email == email


def test_who_adds_somebody_disabled_is_told_how_to_let_them_in_again() -> None:
    with transaction() as s:
        operators.add(s, "chief@example.org", "admin", NOW)
        operators.add(s, "tom@example.org", "author", NOW)
        operators.disable(s, "tom@example.org", NOW)
        with pytest.raises(Invalid, match="operators enable"):
            operators.add(s, "tom@example.org", "author", NOW)

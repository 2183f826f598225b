"""What the desk's one box takes for a phone, an email, a code or words."""

import pytest

from notify.service311.desk.reading import Sought, read


@pytest.mark.parametrize(
    ("typed", "kind", "value"),
    [
        ("(202) 555-0107", "contact", "+12025550107"),
        ("+1 202 555 0107", "contact", "+12025550107"),
        (" Ana@Example.org ", "contact", "Ana@example.org"),
        ("12", "alert", 12),
        ("Alert 12", "alert", 12),
        ("120 Main St", "words", "120 Main St"),
        ("Riverside", "words", "Riverside"),
        ("ana@", "words", "ana@"),
        ("  ", "nothing", ""),
    ],
)
def test_what_is_typed(typed: str, kind: str, value: object) -> None:
    found: Sought = read(typed)
    assert found.kind == kind
    assert (found.contact or found.alert or found.words) == value

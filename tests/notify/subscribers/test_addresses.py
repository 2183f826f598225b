"""The short cut for North American numbers says what phonenumbers says."""

import random

import phonenumbers
import pytest

from notify.subscribers import addresses

SHAPES = (
    "+1{}{}{}",
    "1{}{}{}",
    "{}{}{}",
    "({}) {}-{}",
    "{}-{}-{}",
    "{}.{}.{}",
    "+1 {} {} {}",
    "1-{}-{}-{}",
    "({}){}-{}",
)


def asked_in_full(text: str) -> str | None:
    number = phonenumbers.parse(text, "US")
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def test_the_short_cut_gives_the_same_answer() -> None:
    draw = random.Random(1)
    valid = 0
    for _ in range(4_000):
        # all area codes, real and not; exchanges that begin with 0 or 1 are never valid
        parts = f"{draw.randrange(200, 1000)}", f"{draw.randrange(0, 1000):03}", f"{draw.randrange(0, 10_000):04}"
        text = draw.choice(SHAPES).format(*parts)
        expected = asked_in_full(text)
        valid += expected is not None
        assert addresses.phone(text) == expected, text
    assert 1_000 < valid < 3_500


@pytest.mark.parametrize("text", ["+14165550100", "+12425550100", "+442079460958", "+5215512345678"])
def test_other_countries_are_asked_in_full(text: str) -> None:
    assert addresses.phone(text) == asked_in_full(text)


def test_the_training_city_takes_the_short_cut() -> None:
    from zones.names import phone

    for person in (0, 1, 399, 400, 40_000, 999_999):
        assert addresses._valid_in_us().fullmatch(phone(person)[2:]) or phone(person).startswith("+1")
        assert addresses.phone(phone(person)) == phone(person)

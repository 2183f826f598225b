"""The short cuts for North American numbers and ordinary emails say what phonenumbers and email-validator say."""

import random

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email

from notify.core import emails, phones
from notify.core.phones import NotAPhone
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
        assert kept(text) == expected, text
    assert 1_000 < valid < 3_500


def kept(text: str) -> str | None:
    try:
        return phones.valid(text)
    except NotAPhone:
        return None


@pytest.mark.parametrize("text", ["+14165550100", "+12425550100", "+442079460958", "+5215512345678"])
def test_other_countries_are_asked_in_full(text: str) -> None:
    assert kept(text) == asked_in_full(text)


def test_the_training_city_takes_the_short_cut() -> None:
    from notify.training.names import phone

    for person in (0, 1, 399, 400, 40_000, 999_999):
        assert phones._valid_in_us().fullmatch(phone(person)[2:]) or phone(person).startswith("+1")
        assert phones.valid(phone(person)) == phone(person)


def test_the_short_cut_for_emails_gives_the_same_answer() -> None:
    draw = random.Random(2)
    valid = 0
    for _ in range(4_000):
        local = "".join(draw.choices("aZ0.+_-'%", k=draw.choice((1, 2, 3, 8, 64, 65))))
        domain = ".".join("".join(draw.choices("aZ0-", k=draw.choice((1, 3, 4, 9, 63, 64)))) for _ in range(2))
        text = f"{local}@{domain}.{draw.choice(('com', 'ORG', 'example', 'gov', 'test'))}"
        try:
            expected = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True).ascii_email
        except EmailNotValidError:
            expected = None
        try:
            found = emails.read(text)
        except emails.NotAnEmail:
            found = None
        assert found == expected, text
        valid += found is not None
    assert 300 < valid < 3_500


@pytest.mark.parametrize(
    ("channel", "address", "index"),
    [
        ("sms", "+1 215 555 0100", "ac3a0525816a520e1a080ba2d0777e6737e8f4ecb25645a85be4b237ce999ca7"),
        ("email", "Tom.B@Example.ORG", "a92feb1655e00b101dc9b51ab0b3451ff933c6a1967e81f1873bc07c987bd117"),
        ("email", "tom+snow@example.org", "be7d42fa202932a4d72c94557c4ccbe3ebce936a992b952ddb327d4adca13b09"),
        ("email", "tom@b\u00fccher.example", "6a4a2b5a4bb4d984463c103d38a52025bbfa6e9fbbcf38f01fb4e13fda30cf39"),
    ],
)
@pytest.mark.usefixtures("database")
def test_the_index_of_an_ordinary_address_stays_what_it_was(channel: str, address: str, index: str) -> None:
    """Otherwise every suppression would be lost. The values were computed before email-validator was used."""
    assert addresses.any_index(channel, address).hex() == index

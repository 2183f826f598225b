"""Numbers in words."""

import pytest

from notify.content.number_words import spelled


@pytest.mark.parametrize(
    ("number", "english", "spanish"),
    [
        (0, "zero", "cero"),
        (1, "one", "un"),
        (16, "sixteen", "dieciséis"),
        (21, "twenty-one", "veintiún"),
        (30, "thirty", "treinta"),
        (31, "thirty-one", "treinta y un"),
        (100, "one hundred", "cien"),
        (101, "one hundred one", "ciento un"),
        (515, "five hundred fifteen", "quinientos quince"),
        (1000, "one thousand", "mil"),
        (1001, "one thousand one", "mil un"),
        (1100, "one thousand one hundred", "mil cien"),
        (21_700, "twenty-one thousand seven hundred", "veintiún mil setecientos"),
        (100_000, "one hundred thousand", "cien mil"),
        (
            123_456,
            "one hundred twenty-three thousand four hundred fifty-six",
            "ciento veintitrés mil cuatrocientos cincuenta y seis",
        ),
        (1_000_000, "one million", "un millón"),
        (1_000_021, "one million twenty-one", "un millón veintiún"),
        (2_900_999, "two million nine hundred thousand nine hundred ninety-nine",
         "dos millones novecientos mil novecientos noventa y nueve"),
        (21_000_000, "twenty-one million", "veintiún millones"),
    ],
)  # fmt: skip
def test_a_number_is_spelled(number: int, english: str, spanish: str) -> None:
    assert spelled(number) == english
    assert spelled(number, "es") == spanish


def test_no_two_numbers_are_spelled_alike() -> None:
    for language in ("en", "es"):
        assert len({spelled(number, language) for number in range(12_000)}) == 12_000


def test_what_cannot_be_spelled_stays_in_digits() -> None:
    assert spelled(-1) == "-1"
    assert spelled(10**12) == "1,000,000,000,000"
    assert spelled(7, "tlh") == "seven"

"""The published sizes of text messages, and that no part breaks a character."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.channels.sms_segments import Segments, count, encoding_of, parts, plain
from notify.core.characters import ascii_punctuation

GSM_LETTERS = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
ESCAPED = "\f^{}\\[~]|€"
SIREN = "\U0001f6a8"  # outside the basic plane: two UTF-16 units


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments("GSM-7", 0, 0)),
        ("a", Segments("GSM-7", 1, 1)),
        ("a" * 160, Segments("GSM-7", 160, 1)),
        ("a" * 161, Segments("GSM-7", 161, 2)),
        ("a" * 306, Segments("GSM-7", 306, 2)),
        ("a" * 307, Segments("GSM-7", 307, 3)),
        ("€" * 80, Segments("GSM-7", 160, 1)),
        ("€" * 81, Segments("GSM-7", 162, 2)),
        # 153 is odd: an escape never ends a part, so each part holds 76 of them.
        ("€" * 152, Segments("GSM-7", 304, 2)),
        ("€" * 153, Segments("GSM-7", 306, 3)),
        ("a" * 152 + "{" + "a" * 152, Segments("GSM-7", 306, 3)),
        ("á" * 70, Segments("UCS-2", 70, 1)),
        ("á" * 71, Segments("UCS-2", 71, 2)),
        ("á" * 134, Segments("UCS-2", 134, 2)),
        ("á" * 135, Segments("UCS-2", 135, 3)),
        (SIREN * 35, Segments("UCS-2", 70, 1)),
        # 67 is odd too: 33 pairs a part.
        (SIREN * 66, Segments("UCS-2", 132, 2)),
        (SIREN * 67, Segments("UCS-2", 134, 3)),
        ("a" * 69 + "á", Segments("UCS-2", 70, 1)),
        ("a" * 159 + "’", Segments("UCS-2", 160, 3)),  # noqa: RUF001 - a curly quote is the point
    ],
)
def test_published_sizes(text: str, expected: Segments) -> None:
    assert count(text) == expected


def test_the_gsm_alphabet_has_127_letters_and_ten_escaped_ones() -> None:
    assert len(set(GSM_LETTERS)) == 127  # 128 places, one of which is the escape itself
    assert count(GSM_LETTERS) == Segments("GSM-7", 127, 1)
    assert count(ESCAPED) == Segments("GSM-7", 20, 1)


@pytest.mark.parametrize("char", [*"áíóúçÁÍÓÚ`", "\x1b", "\t", "\u00a0", "“", "–"])  # noqa: RUF001 - these are the point
def test_letters_outside_gsm_make_the_whole_message_ucs2(char: str) -> None:
    assert encoding_of("plain " + char) == "UCS-2"


anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=700)
gsm_only = st.text(st.sampled_from(GSM_LETTERS + ESCAPED), max_size=700)
pairs_only = st.text(st.sampled_from(SIREN + "á"), max_size=300)


@given(st.one_of(anything, gsm_only, pairs_only))
def test_parts_lose_nothing_and_fit(text: str) -> None:
    pieces = parts(text)
    assert "".join(pieces) == text
    assert len(pieces) == count(text).segments
    gsm = encoding_of(text) == "GSM-7"
    room = (160 if gsm else 70) if len(pieces) == 1 else (153 if gsm else 67)
    for piece in pieces:
        assert 0 < _units(piece, gsm=gsm) <= room


@given(st.one_of(anything, gsm_only, pairs_only))
def test_a_part_is_closed_only_when_the_next_character_does_not_fit(text: str) -> None:
    gsm = encoding_of(text) == "GSM-7"
    pieces = parts(text)
    for piece, following in pairwise(pieces):
        assert _units(piece + following[0], gsm=gsm) > (153 if gsm else 67)


@given(anything, anything)
def test_more_text_never_takes_fewer_segments(first: str, second: str) -> None:
    assert count(first + second).segments >= count(first).segments


def test_typography_is_made_plain_before_it_doubles_the_price() -> None:
    pasted = "It\u2019s \u201cclosed\u201d \u2013 don\u2019t go\u2026\u00a0Stay"
    assert ascii_punctuation(pasted) == "It's \"closed\" - don't go... Stay"
    assert encoding_of(ascii_punctuation(pasted)) == "GSM-7"


def test_plain_leaves_letters_of_other_languages_alone() -> None:
    assert ascii_punctuation("Peligro mañana en Bogotá") == "Peligro mañana en Bogotá"


def _units(text: str, *, gsm: bool) -> int:
    if gsm:
        return len(text) + sum(char in ESCAPED for char in text)
    return len(text.encode("utf-16-le")) // 2


def test_plain_leaves_web_addresses_as_they_are() -> None:
    link = "https://ciudad.example.org/información"
    assert plain(f"Información: {link}, y más.") == f"Información: {link}, y más.", "it is UCS-2 anyway"
    assert plain("Más: https://ciudad.example.org/ni%C3%B1os, aquí.") == (
        "Mas: https://ciudad.example.org/ni%C3%B1os, aqui."
    )

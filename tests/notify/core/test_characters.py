"""What does not show is dropped, and typesetters' signs become plain ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.channels import sms_segments
from notify.core.characters import ascii_punctuation, visible


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("River\u200bside", "Riverside"),
        ("out\u00adage", "outage"),
        ("\ufeffgo \u2060now", "go now"),
        ("\u200eleft \u200fright\u061c", "left right"),
        ("\u202eright to left\u202c", "right to left"),
        ("\u2066x\u2069", "x"),
        ("a\u200db a\ufe0f 1\ufe0f \u034f", "ab a 1"),
        ("cafe\u0301\u00a0", "caf\u00e9"),
    ],
)
def test_what_does_not_show_is_dropped(given: str, seen: str) -> None:
    assert visible(given) == seen


@pytest.mark.parametrize(
    "nothing", ["\u200b", " \u200b\u00a0 ", "\u3164", "\u115f", "\u2800", "\ufe0f", "\u00ad\u2060\u200e"]
)
def test_words_without_a_visible_character_are_none(nothing: str) -> None:
    assert visible(nothing) == ""


@pytest.mark.parametrize(
    "kept",
    [
        "\u0645\u06cc\u200c\u0631\u0648\u0645",  # Persian: "I go", which needs its non-joiner
        "\u0915\u094d\u200d\u0937",  # Hindi
        "\U0001f469\U0001f3fd\u200d\U0001f692",  # a firefighter
        "\u2764\ufe0f\u200d\U0001f525",
        "1\ufe0f\u20e3",  # a keycap
        "\u06dd\u0661",  # an Arabic sign that is of category Cf and shows
    ],
)
def test_what_gives_letters_and_pictures_their_shape_stays(kept: str) -> None:
    assert visible(kept) == kept


@pytest.mark.parametrize(
    ("typeset", "typed"),
    [
        ("Don\u00b4t, don`t, don\u2019t", "Don't, don't, don't"),
        ("\u00abvale\u00bb \u201cok\u201d \u2039x\u203a", '"vale" "ok" \'x\''),
        ("9\u202fAM\u00a0\u2013 10\u2009AM\u2026", "9 AM - 10 AM..."),
        ("\ufb01re \u2022 \ufb02ood", "fire - flood"),
    ],
)
def test_look_alikes_become_what_gsm_7_has(typeset: str, typed: str) -> None:
    assert ascii_punctuation(typeset) == typed
    assert sms_segments.encoding_of(ascii_punctuation(typeset)) == "GSM-7"


@given(st.text(max_size=100))
def test_dropping_twice_drops_nothing_more(words: str) -> None:
    assert visible(visible(words)) == visible(words)

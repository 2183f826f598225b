"""What an operator may write into the blanks, and how mistakes are told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.content.blanks import Blank
from notify.content.compose import catalogue, fill
from notify.core.errors import Invalid, NotFound
from notify.core.translation import speaking


def mistakes(event: str, phase: str, blanks: dict[str, str]) -> list[str]:
    with pytest.raises(Invalid) as caught:
        fill(catalogue().event(event), phase, blanks)
    return list(caught.value.details)


def test_every_mistake_is_told_at_once_in_a_sentence() -> None:
    told = mistakes(
        "snow",
        "issue",
        {
            "strats": "x",
            "inches": "many",
            "tow_phone": "12",
            "rule": "oddly",
            "details.fr": "Bonjour",
            "rule.es": "odd",
        },
    )
    assert told == [
        "There is no blank 'strats'. Did you mean 'starts'?",
        "'inches' must be a whole number, not 'many'.",
        "'tow_phone' must be a phone number such as 215-555-0123 or 311, not '12'.",
        "'rule' must be one of routes, odd, even, street, not 'oddly'.",
        "'details.fr' is not in a language of snow: en, es.",
        "'rule' is the same in every language: give it without '.es'.",
        "'starts' is missing: When the parking rule begins. Example: starts=2027-01-12T18:00.",
    ]


def test_a_page_calls_blanks_by_their_labels() -> None:
    with pytest.raises(Invalid) as refused:
        fill(catalogue().event("snow"), "issue", {"inches": "many", "details.es": "x" * 3000}, on_page="en")
    label = next(blank.label for blank in catalogue().event("snow").declared if blank.name == "inches")
    assert f"“{label}” must be a whole number, not 'many'." in refused.value.details
    assert not any("'inches'" in one or "details.es" in one for one in refused.value.details)


@pytest.mark.parametrize(
    ("reader", "first", "told"),
    [
        ("en", "en", "Fill in: Cause (English)."),
        ("es", "en", "Complete: Causa (Inglés)."),
        ("es", "es", "Complete: Causa (Español)."),
    ],
)
def test_a_page_says_in_which_language_a_text_is_missing(reader: str, first: str, told: str) -> None:
    """Where only the other language was written, the label alone names a field that is filled in."""
    blanks = {"utility": "power", "cause.es" if first == "en" else "cause.en": "..."}
    with speaking(reader), pytest.raises(Invalid) as refused:
        fill(catalogue().event("outage"), "issue", blanks, on_page=first)
    assert refused.value.details == (told,)


def test_a_blank_of_another_phase_is_told_as_that() -> None:
    assert mistakes("snow", "all-clear", {"starts": "2027-01-12T18:00"}) == [
        "'starts' does not belong to the phase all-clear."
    ]


def test_an_unknown_blank_without_near_name_lists_what_there_is() -> None:
    assert "Blanks: hazard, details." in mistakes("storm", "all-clear", {"hazard": "wind", "zzz": "1"})[0]


@pytest.mark.parametrize("empty", ["", "  ", "\n", "\u200b", "\u00ad \u2060", "\u3164"])
def test_an_empty_value_is_as_good_as_none(empty: str) -> None:
    assert "is missing" in mistakes("storm", "issue", {"hazard": empty})[0]
    event = catalogue().event("storm")
    assert fill(event, "issue", {"hazard": "wind", "shelter": empty}).values == {"hazard": "wind"}


def test_a_translation_alone_is_not_enough() -> None:
    told = mistakes("storm", "issue", {"hazard": "wind", "action.es": "Entre ya"})
    assert told == [
        "'action' is missing: What to do, in place of the usual words."
        ' Example: action="Go inside a strong building now".'
    ]


def test_defaults_are_added() -> None:
    assert fill(catalogue().event("collection"), "issue", {"day": "2027-01-01"}).values["what"] == "all"


def test_unknown_phase() -> None:
    with pytest.raises(NotFound):
        fill(catalogue().event("storm"), "over", {})


@pytest.mark.parametrize(
    ("event", "phase"), [(event.name, phase) for event in catalogue().events for phase in event.phases]
)
def test_filling_again_changes_nothing(event: str, phase: str) -> None:
    found = catalogue().event(event)
    once = fill(found, phase, {blank.name: blank.example for blank in found.blanks(phase)})
    assert fill(found, phase, once.values) == once


def blank(kind: str, **more: object) -> Blank:
    example = {"datetime": "2027-01-12T18:00", "date": "2027-01-12", "duration": "1h", "number": "1"}.get(kind, "x")
    example = {"phone": "311", "url": "https://example.org"}.get(kind, example)
    return Blank.model_validate({"name": "it", "type": kind, "label": "It", "example": example, **more})


@pytest.mark.parametrize(
    ("kind", "words", "kept"),
    [
        ("line", "  a cafe\u0301 ", "a caf\u00e9"),
        ("line", "\u202eright to left", "right to left"),  # not refused: what does not show is nobody's wish
        ("line", "fallen\u200b wi\u00adres\u2060", "fallen wires"),
        ("text", "\ufeffone\r\n\u200etwo", "one\ntwo"),
        ("phone", "\u202a215-555-0123\u202c", "+12155550123"),  # as phones copy it from their contacts
        ("number", "1\u200b200", "1200"),
        ("url", "https://example.org/a\u200b", "https://example.org/a"),
        ("text", "one\r\ntwo", "one\ntwo"),
        ("datetime", "2027-01-12 18:00", "2027-01-12T18:00"),
        ("datetime", "2027-01-12T18:00:30Z", "2027-01-12T18:00+00:00"),
        ("date", "2027-01-12", "2027-01-12"),
        ("duration", "1D 12h", "1d12h"),
        ("number", "1,200", "1200"),
        ("phone", "(215) 555-0123", "+12155550123"),
        ("phone", "+44 20 7946 0000", "+442079460000"),
        ("phone", "911", "911"),
        ("phone", "988", "988"),
        ("phone", "898211", "898211"),  # a short code, for texts
        ("phone", "555-0123", "555-0123"),
        ("phone", "5550123", "555-0123"),
        ("phone", "1-800-FLOWERS", "+18003569377"),
        ("url", "https://example.org/a?b=c", "https://example.org/a?b=c"),
    ],
)
def test_values_are_kept_in_one_form(kind: str, words: str, kept: str) -> None:
    assert blank(kind).read(words) == kept


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("line", "two\nlines"),
        ("line", "a\tb"),
        ("line", "a\u2028b"),
        ("line", "x" * 121),
        ("text", "bell\x07"),
        ("text", "x" * 2001),
        ("text", "half a pair \ud83d"),
        ("datetime", "tomorrow"),
        ("datetime", "2027-01-12"),
        ("datetime", "2027-02-30T10:00"),
        ("date", "12/01/2027"),
        ("duration", "h"),
        ("duration", "0h"),
        ("duration", "soon"),
        ("number", "-1"),
        ("number", "1.5"),
        ("number", "12,00"),
        ("number", "99999999"),
        ("number", "\u0661"),
        ("phone", "none"),
        ("phone", "12"),
        ("phone", "999"),
        ("phone", "2.15555291E9"),
        ("phone", "2155552910.0"),
        ("phone", "215-555-0123 x5"),
        ("phone", "215-555-0112 / 215-555-0113"),
        ("url", "javascript:alert(1)"),
        ("url", "https://"),
        ("url", "https://[x"),
        ("url", "https://example.org/<b>"),
    ],
)
def test_values_of_the_wrong_kind_are_refused(kind: str, words: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any reason will do, the words are tested above
        blank(kind).read(words)


@given(st.text(max_size=200))
def test_a_line_is_one_line(words: str) -> None:
    try:
        kept = blank("line").read(words)
    except ValueError:
        return
    assert kept.splitlines() == [kept]
    assert len(kept) <= 120

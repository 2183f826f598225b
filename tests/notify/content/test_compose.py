"""What residents read: every message, in every language, on every channel."""

import itertools
import re
from dataclasses import replace

import pytest

from notify.channels import sms_segments
from notify.channels.channel import CHANNELS
from notify.content.compose import UNSUBSCRIBE_URL, catalogue, fill, render
from tests.notify.content.written import CONTEXT, Parsed, examples, written

MESSAGES = [
    (event.name, phase, channel, language)
    for event in catalogue().events
    for phase in event.phases
    for channel in event.channels(phase)
    for language in event.languages
]
every_message = pytest.mark.parametrize(("event", "phase", "channel", "language"), MESSAGES)
EXPIRY = {
    "en": ("8 AM Wednesday", "8 AM Wednesday, January 13"),
    "es": ("8 a.m. del miércoles", "8 a.m. del miércoles 13 de enero"),
}


def squeezed(text: str) -> str:
    return re.sub(r"\W+", " ", text)


def test_the_events_speak_english_and_spanish_on_three_channels_in_each_phase() -> None:
    assert [event.name for event in catalogue().forms] == ["collection", "outage", "precaution", "snow", "storm"]
    composed = {event.name: tuple(event.phases) for event in catalogue().events if event.composed}
    assert composed == {"collection-notice": ("issue", "update"), "snow-parking": ("issue", "update", "all-clear")}
    assert len(MESSAGES) == 5 * 3 * 3 * 2 + 2 * 3 * 2 + 3 * 3 * 2


@every_message
@pytest.mark.parametrize("all_of_them", [True, False])
def test_every_message_says_who_where_and_until_when(
    event: str, phase: str, channel: str, language: str, all_of_them: bool
) -> None:
    one = written(event, phase, channel, language, examples(event, phase, all_of_them=all_of_them))
    assert one.text.startswith("City of Tocsin: ")
    assert "Riverside" in one.text
    if phase != "all-clear":
        if event in {"storm", "snow"} or channel == "email":
            assert any(CHANNELS[channel].written(time) in one.text for time in EXPIRY[language])
        assert re.search(r"\d (AM|PM|[ap]\.m\.)|January|enero|Nov 27|27 nov|next usual day|d[ií]a habitual", one.text)
    assert not re.search(r"None|\{\{|\}\}|\{%|  |\.\.| \.|,\.", one.text), one.text


@every_message
def test_an_exercise_says_so_first(event: str, phase: str, channel: str, language: str) -> None:
    prefix = {"en": "EXERCISE: ", "es": "SIMULACRO: "}[language]
    assert prefix not in written(event, phase, channel, language).text
    for status in ("Exercise", "Test"):
        one = written(event, phase, channel, language, context=replace(CONTEXT, status=status))
        assert one.text.startswith(prefix)
        if channel == "email":
            assert one.subject.startswith(prefix)
            assert prefix in Parsed(one.html).words.split("City of Tocsin:")[0]


@every_message
def test_only_email_has_a_subject_and_html(event: str, phase: str, channel: str, language: str) -> None:
    one = written(event, phase, channel, language)
    assert bool(one.subject) == bool(one.html) == (channel == "email")
    assert "\n" not in one.subject
    assert channel == "email" or "\n" not in one.text
    assert one.cost == (sms_segments.count(one.text).segments if channel == "sms" else 1)


@pytest.mark.parametrize(("event", "phase", "language"), sorted({(e, p, lang) for e, p, _, lang in MESSAGES}))
def test_an_email_can_be_left_and_both_parts_say_the_same(event: str, phase: str, language: str) -> None:
    one = written(event, phase, "email", language, examples(event, phase))
    page = Parsed(one.html)
    assert one.text.count(UNSUBSCRIBE_URL) == 1
    assert page.links.count(UNSUBSCRIBE_URL) == 1
    assert set(page.languages) == {language}
    assert {"main", "h1", "h2", "ul", "footer"} <= set(page.tags)
    assert not {"table", "script", "img"} & set(page.tags)
    body = page.words[page.words.index("City of Tocsin:") :]
    in_text = one.text.replace(UNSUBSCRIBE_URL, "").replace(CONTEXT.link, "")
    assert squeezed(in_text).strip() == squeezed(body).strip()


@pytest.mark.parametrize(("event", "phase"), sorted({(e, p) for e, p, _, _ in MESSAGES}))
def test_english_text_messages_are_short_and_cheap(event: str, phase: str) -> None:
    one = written(event, phase, "sms", "en", examples(event, phase))
    assert sms_segments.encoding_of(one.text) == "GSM-7"
    assert one.cost <= 2


@pytest.mark.parametrize(
    ("event", "phase"),
    [("collection", "issue"), ("collection", "update"), ("outage", "issue"), ("outage", "update")]
    + [(event, "all-clear") for event in ("collection", "outage", "precaution", "snow", "storm")],
)
def test_one_segment_where_it_is_promised(event: str, phase: str) -> None:
    blanks = examples(event, phase, all_of_them=False)
    if (event, phase) == ("collection", "issue"):
        blanks["new_day"] = "2027-01-02"
    assert written(event, phase, "sms", "en", blanks).cost == 1


LONG = replace(
    CONTEXT,
    city="City of Philadelphia",
    area={"en": "Center City, Point Breeze and Fairmount", "es": "Center City, Point Breeze y Fairmount"},
    link="https://alerts.phila.gov/a/12345",
    help_contact="phila.gov/311",
    networks=["bluesky"],  # the shortest of the networks that we post to
)
LONG_CAUSE = {"cause": "a tree that fell on a line", "cause.es": "un árbol caído en una línea"}


@pytest.mark.parametrize(("event", "phase", "language"), sorted({(e, p, lang) for e, p, _, lang in MESSAGES}))
def test_a_post_fits_on_every_network_with_long_blanks(event: str, phase: str, language: str) -> None:
    """With each of the choices, with every blank filled, and with any one of them left out."""
    blanks = catalogue().event(event).blanks(phase)
    filled = examples(event, phase)
    if "cause" in filled:
        filled |= LONG_CAUSE
    chosen = [[(blank.name, choice) for choice in blank.choices] for blank in blanks if blank.choices]
    for choices in itertools.product(*chosen):
        for left_out in ["", *(blank.name for blank in blanks if phase not in blank.required)]:
            given = {key: value for key, value in filled.items() if key.partition(".")[0] != left_out}
            written(event, phase, "social", language, given | dict(choices), LONG)  # raises Invalid when too long


def test_routine_texts_end_with_the_way_out_and_emergencies_do_not() -> None:
    assert written("snow", "issue", "sms", "en").text.endswith("Reply STOP to end texts.")
    assert written("snow", "issue", "sms", "es").text.endswith("STOP para no recibir textos.")
    assert "STOP" not in written("storm", "issue", "sms", "en").text
    assert "STOP" not in written("snow", "issue", "social", "en").text


def test_the_lane_of_the_alert_overrides_that_of_its_event() -> None:
    assert "STOP" not in written("snow", "issue", "sms", "en", context=replace(CONTEXT, lane="emergency")).text
    assert "STOP" in written("storm", "issue", "sms", "en", context=replace(CONTEXT, lane="routine")).text


@pytest.mark.parametrize("hazard", ["thunderstorm", "tornado", "wind", "flood", "hurricane"])
def test_a_storm_tells_harm_before_place_before_action_before_time(hazard: str) -> None:
    text = written("storm", "issue", "sms", "en", {"hazard": hazard}).text
    verb = re.search(r"\. (Go|Move|Stay)\b", text)
    assert verb is not None
    assert text.index("danger") < text.index("Riverside") < verb.start() < text.index("until 8 AM")
    assert sms_segments.count(text).segments <= 2


def test_messages_come_by_channel_and_then_by_language() -> None:
    event = catalogue().event("storm")
    filled = fill(event, "issue", {"hazard": "flood"})
    all_of_them = render(event, "issue", filled, channels=["email", "sms"], languages=["es", "en"], context=CONTEXT)
    assert [(one.channel, one.language) for one in all_of_them] == [
        ("email", "es"),
        ("email", "en"),
        ("sms", "es"),
        ("sms", "en"),
    ]


def test_the_defaults_of_storms_and_precautions_make_an_emergency_and_only_they() -> None:
    lanes = {(e.name, phase): e.defaults(phase).lane for e in catalogue().events for phase in e.phases}
    urgent = {(event, phase) for event in ("storm", "precaution") for phase in ("issue", "update")}
    assert {key for key, lane in lanes.items() if lane == "emergency"} == urgent
    for event in catalogue().events:
        assert event.defaults("issue").msg_type == "Alert"
        if event.composed:
            continue
        assert event.defaults("all-clear").msg_type == "Update"
        assert event.defaults("all-clear").response_types == ("AllClear",)

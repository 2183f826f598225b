"""What residents read: every message, in every language, on every channel."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.errors import Invalid, NotFound
from notify.pipeline import segments
from notify.pipeline.compose import UNSUBSCRIBE_URL, Context, Rendered, catalogue, fill, render

NEW_YORK = ZoneInfo("America/New_York")
CONTEXT = Context(
    city="City of Tocsin",
    area="Riverside",
    expires_at=datetime(2027, 1, 13, 13, tzinfo=UTC),  # 8 in the morning of a Wednesday in New York
    timezone=NEW_YORK,
    link="https://alerts.example.org/a/1234",
    program="Tocsin city alerts",
    help_contact="311",
    now=datetime(2027, 1, 12, 15, tzinfo=UTC),
)
MESSAGES = [
    (event.name, phase, channel, language)
    for event in catalogue().events
    for phase in event.phases
    for channel in event.channels(phase)
    for language in event.languages
]
every_message = pytest.mark.parametrize(("event", "phase", "channel", "language"), MESSAGES)
EXPIRY = {
    "en": ("8 a.m. Wednesday", "8 a.m. Wednesday, January 13"),
    "es": ("8 a. m. del miércoles", "8 a. m. del miércoles 13 de enero"),
}


def examples(event: str, phase: str, *, all_of_them: bool = True) -> dict[str, str]:
    blanks = catalogue().event(event).blanks(phase)
    return {blank.name: blank.example for blank in blanks if all_of_them or phase in blank.required}


def written(
    event: str,
    phase: str,
    channel: str,
    language: str,
    blanks: Mapping[str, str] | None = None,
    context: Context = CONTEXT,
) -> Rendered:
    found = catalogue().event(event)
    filled = fill(found, phase, examples(event, phase, all_of_them=False) if blanks is None else blanks)
    (one,) = render(found, phase, filled, channels=[channel], languages=[language], context=context)
    return one


class Parsed(HTMLParser):
    """The words, links, tags and attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words = ""
        self.links: list[str | None] = []
        self.tags: list[str] = []
        self.languages: list[str | None] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        self.languages += [value for name, value in attrs if name == "lang"]

    def handle_data(self, data: str) -> None:
        self.words += data


def squeezed(text: str) -> str:
    return re.sub(r"\W+", " ", text)


def test_the_four_events_speak_english_and_spanish_on_three_channels_in_three_phases() -> None:
    assert [event.name for event in catalogue().events] == ["collection", "outage", "snow", "storm"]
    assert len(MESSAGES) == 4 * 3 * 3 * 2


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
            assert any(time in one.text for time in EXPIRY[language])
        assert re.search(r"\d (a|p)\. ?m\.|January|enero|next usual day|día habitual", one.text)
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
    assert one.cost == (segments.count(one.text).segments if channel == "sms" else 1)


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
    assert segments.encoding_of(one.text) == "GSM-7"
    assert one.cost <= 2
    assert written(event, phase, "sms", "es", examples(event, phase)).cost <= 5


@pytest.mark.parametrize(
    ("event", "phase"),
    [("collection", "issue"), ("collection", "update"), ("outage", "issue"), ("outage", "update")]
    + [(event, "all-clear") for event in ("collection", "outage", "snow", "storm")],
)
def test_one_segment_where_it_is_promised(event: str, phase: str) -> None:
    blanks = examples(event, phase, all_of_them=False)
    if (event, phase) == ("collection", "issue"):
        blanks["new_day"] = "2027-01-02"
    assert written(event, phase, "sms", "en", blanks).cost == 1


def test_routine_texts_end_with_the_way_out_and_emergencies_do_not() -> None:
    assert written("snow", "issue", "sms", "en").text.endswith("Reply STOP to end.")
    assert written("snow", "issue", "sms", "es").text.endswith("Responda STOP para cancelar.")
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
    assert text.index("danger") < text.index("Riverside") < verb.start() < text.index("until 8 a.m.")
    assert segments.count(text).segments <= 2


def test_words_given_for_a_language_are_used_there_and_the_others_fall_back() -> None:
    blanks = {"day": "2027-01-01", "reason": "New Year's Day", "reason.es": "Año Nuevo"}
    assert "Reason: New Year's Day." in written("collection", "issue", "social", "en", blanks).text
    assert "Motivo: Año Nuevo." in written("collection", "issue", "social", "es", blanks).text
    del blanks["reason.es"]
    assert "Motivo: New Year's Day." in written("collection", "issue", "social", "es", blanks).text


def test_the_context_can_speak_several_languages() -> None:
    context = replace(CONTEXT, area={"en": "the Old Town", "es": "el Casco Viejo"}, help_contact={"en": "Call 311."})
    assert "in the Old Town" in written("snow", "update", "sms", "en", context=context).text
    assert "en el Casco Viejo" in written("snow", "update", "sms", "es", context=context).text
    assert "Questions: Call 311. Reply" in written("collection", "issue", "sms", "en", context=context).text


HOSTILE = "{{ city }} {% for x in () %} {{ ''.__class__ }} {# #}"


def test_a_blank_is_never_a_template() -> None:
    blanks = {"hazard": "wind", "action": HOSTILE, "details": HOSTILE}
    for channel in ("sms", "email", "social"):
        assert HOSTILE in written("storm", "issue", channel, "en", blanks).text
    assert HOSTILE in written("storm", "issue", "sms", "en", context=replace(CONTEXT, area=HOSTILE)).text


def test_html_is_escaped_in_html_and_nowhere_else() -> None:
    nasty = "<script>alert('x')</script> & <b>"
    context = replace(CONTEXT, area=nasty, link='https://x.example.org/?a=1&b="><i>')
    one = written("storm", "issue", "email", "en", {"hazard": "wind", "details": nasty}, context)
    assert one.text.count(nasty) == 2
    page = Parsed(one.html)
    assert not {"script", "b", "i"} & set(page.tags)
    assert context.link in page.links
    assert nasty in page.words
    assert nasty in written("storm", "issue", "sms", "en", context=context).text


def test_addresses_in_an_email_are_links() -> None:
    blanks = {"hazard": "wind", "details": "See https://shelters.example.org/list today."}
    page = Parsed(written("storm", "issue", "email", "en", blanks).html)
    assert "https://shelters.example.org/list" in page.links


def test_paragraphs_of_details_stay_paragraphs() -> None:
    blanks = {"hazard": "wind", "details": "First line\nsecond line\n\nBring:\n- water\n- food"}
    one = written("storm", "issue", "email", "en", blanks)
    assert "<p>First line<br>second line</p>" in one.html
    assert "<h2>Bring</h2>" in one.html
    assert "<li>water</li><li>food</li>" in one.html
    assert "First line\nsecond line\n\nBring:\n- water\n- food\n\n" in one.text


def test_pasted_typography_does_not_double_the_price() -> None:
    one = written("storm", "issue", "sms", "en", {"hazard": "wind", "action": "Don\u2019t go out \u2013 stay in"})
    assert "Don't go out - stay in" in one.text
    assert segments.encoding_of(one.text) == "GSM-7"


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


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"area": " "}, "where it is"),
        ({"city": ""}, "who sends it"),
        ({"help_contact": {}}, "whom to ask"),
        ({"area": "River\nside"}, "'area' has a line break"),
    ],
)
def test_no_message_without_source_place_and_contact(changes: dict[str, object], told: str) -> None:
    with pytest.raises(Invalid) as caught:
        written("storm", "issue", "sms", "en", context=replace(CONTEXT, **changes))  # type: ignore[arg-type] # a table of fields
    assert told in " ".join(caught.value.details)


def test_a_time_without_offset_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="aware"):
        replace(CONTEXT, expires_at=datetime(2027, 1, 13, 13))  # noqa: DTZ001 - naive is the point


def test_all_that_cannot_be_written_is_told_at_once() -> None:
    event = catalogue().event("storm")
    filled = fill(event, "issue", {"hazard": "flood"})
    with pytest.raises(Invalid) as caught:
        render(event, "issue", filled, channels=["sms", "voice"], languages=["en", "fr"], context=CONTEXT)
    assert len(caught.value.details) == 2
    with pytest.raises(Invalid, match="filled for storm issue"):
        render(event, "update", filled, channels=["sms"], languages=["en"], context=CONTEXT)


def test_a_text_message_over_1600_characters_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        written("storm", "issue", "sms", "en", context=replace(CONTEXT, area="x" * 1600))
    assert "the most is 1600" in caught.value.details[0]


def test_a_post_over_500_characters_is_refused_but_an_address_counts_23() -> None:
    long = "https://alerts.example.org/" + "a" * 600
    assert long in written("storm", "issue", "social", "en", context=replace(CONTEXT, link=long)).text
    with pytest.raises(Invalid) as caught:
        written("storm", "issue", "social", "en", context=replace(CONTEXT, area="x" * 480))
    assert "the most is 500" in caught.value.details[0]


def test_a_time_that_the_clocks_jump_over_is_refused() -> None:
    with pytest.raises(Invalid, match="clocks jump over it"):
        written("snow", "issue", "sms", "en", {"rule": "odd", "starts": "2027-03-14T02:30"})


def test_unknown_events_and_phases_are_told_with_near_names() -> None:
    with pytest.raises(NotFound, match="Did you mean storm"):
        catalogue().event("strom")
    with pytest.raises(NotFound, match="issue, update, all-clear"):
        catalogue().event("storm").channels("over")


def test_the_defaults_of_storms_make_an_emergency_and_only_they() -> None:
    lanes = {(e.name, phase): e.defaults(phase).lane for e in catalogue().events for phase in e.phases}
    assert {key for key, lane in lanes.items() if lane == "emergency"} == {("storm", "issue"), ("storm", "update")}
    for event in catalogue().events:
        assert event.defaults("issue").msg_type == "Alert"
        assert event.defaults("all-clear").msg_type == "Update"
        assert event.defaults("all-clear").response_types == ("AllClear",)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60))
def test_whatever_an_operator_writes_arrives_literally(words: str) -> None:
    if not words.strip("."):
        return
    one = written("outage", "update", "social", "en", {"utility": "gas", "cause": words})
    kept = fill(catalogue().event("outage"), "update", {"utility": "gas", "cause": words}).values["cause"]
    assert f"Cause: {kept.rstrip('.')}." in one.text

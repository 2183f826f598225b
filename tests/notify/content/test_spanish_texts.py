"""Text messages in Spanish: in GSM-7, and how many segments each event and phase takes at most."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from notify.channels import sms_segments
from notify.channels.channel import CHANNELS, EMAIL, SMS, SOCIAL
from notify.content import together
from notify.content.compose import Rendered, catalogue
from notify.content.linter import About, Message, lint
from notify.core.errors import Invalid
from tests.notify.content.written import CONTEXT, examples, written

LONG = replace(
    CONTEXT,
    city="City of Philadelphia",
    area="Center City, Point Breeze y Fairmount",
    link="https://alerts.phila.gov/alerts/12345",
    help_contact="phila.gov/311",
)
AT_MOST = {
    ("collection", "issue"): 2,
    ("collection", "update"): 2,
    ("collection", "all-clear"): 2,
    ("collection-notice", "issue"): 2,
    ("collection-notice", "update"): 2,
    ("outage", "issue"): 2,
    ("outage", "update"): 2,
    ("outage", "all-clear"): 2,
    ("precaution", "issue"): 2,
    ("precaution", "update"): 2,
    ("precaution", "all-clear"): 2,
    ("snow", "issue"): 2,
    ("snow", "update"): 2,
    ("snow", "all-clear"): 2,
    ("snow-parking", "issue"): 3,  # two bans, each with its side, begin and end; as many in English
    ("snow-parking", "update"): 3,
    ("snow-parking", "all-clear"): 2,
    ("storm", "issue"): 3,  # an emergency: harm, place, what to do, shelter and end
    ("storm", "update"): 3,
    ("storm", "all-clear"): 2,
}


def all_texts(event: str, phase: str) -> Iterator[Rendered]:
    """The Spanish texts with each of the choices, with every blank filled, and with any one of them left out."""
    blanks = catalogue().event(event).blanks(phase)
    filled = examples(event, phase)
    chosen = [
        [(one.name, key) for key in one.choices] + ([] if phase in one.required else [(one.name, "")])
        for one in blanks
        if one.choices
    ]
    for choices in itertools.product(*chosen):
        for left_out in ["", *(one.name for one in blanks if phase not in one.required)]:
            given = {name: words for name, words in (filled | dict(choices)).items() if words and name != left_out}
            try:
                yield written(event, phase, "sms", "es", given, LONG)
            except Invalid:  # a blank without the one that it belongs to
                continue


def test_the_table_has_every_text() -> None:
    assert set(AT_MOST) == {(one.name, phase) for one in catalogue().events for phase in one.phases}


@pytest.mark.parametrize(("event", "phase"), AT_MOST)
def test_a_spanish_text_is_in_gsm_7_and_has_few_segments(event: str, phase: str) -> None:
    texts = list(all_texts(event, phase))
    assert {sms_segments.encoding_of(one.text) for one in texts} == {"GSM-7"}
    assert max(one.cost for one in texts) == AT_MOST[event, phase]


def test_a_text_loses_accents_and_a_post_and_an_email_keep_them() -> None:
    blanks = {"utility": "gas", "cause": "excavación en la 2ª calle, ¡niños fuera!"}
    text = written("outage", "issue", "sms", "es", blanks).text
    assert "Causa: excavacion en la 2a calle, ¡niños fuera!" in text
    for channel in (SOCIAL.name, EMAIL.name):
        assert "excavación en la 2ª calle" in written("outage", "issue", channel, "es", blanks).text


def test_a_text_that_stays_dear_for_another_letter_loses_nothing() -> None:
    one = written("outage", "issue", "sms", "es", {"utility": "gas", "cause": "excavación en la calle Łódź"})
    assert "Causa: excavación en la calle Łódź" in one.text
    assert sms_segments.encoding_of(one.text) == "UCS-2"


def test_an_emergency_in_spanish_is_in_gsm_7_too() -> None:
    one = written("storm", "issue", "sms", "es", {"hazard": "tornado"})
    assert "Vaya ya a un sotano" in one.text
    assert sms_segments.encoding_of(one.text) == "GSM-7"


def test_a_digest_names_a_city_with_an_accent_once() -> None:
    city = "Ciudad de San José Común"
    brief = together.Brief("", SMS.written(f"{city}: no hay gas en Sur. Espere."), "https://x.org/alerts/1")
    about = together.About(city, "Alertas", "311")
    found = together.write("sms", "es", [brief, brief], about, together.SEGMENTS)
    assert found is not None
    words, count = found
    assert count == 2
    assert words.text.count("Ciudad de San José Comun") == 1
    assert CHANNELS["sms"].cost(words.text) < together.SEGMENTS


def test_the_check_knows_words_and_names_without_their_accents() -> None:
    """Of a message that is right it would say that the city, the place, the danger and what to do are missing."""
    context = replace(CONTEXT, city="Ciudad de San José Común", area="Avenida Bogotá")
    blanks = {"hazard": "flood", "action": "Refúgiese en el lugar. Aléjese del río"}
    one = written("storm", "issue", "sms", "es", blanks, context)
    assert "Refugiese" in one.text
    about = About(emergency=True, city=context.city, area=context.area)
    found = {each.rule: each.found for each in lint([Message("sms", "es", "", one.text)], about)}
    assert not {"no-source", "source-late", "no-place", "no-hazard", "no-action", "no-end"} & found.keys()
    assert found["jargon"] == "refugiese en el lugar"

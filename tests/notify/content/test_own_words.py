"""The city's own words: the built-in ones hold every rule, and give the same messages."""

import pytest

from notify.content import grammar, own_words
from notify.content.catalogue import catalogue
from notify.content.compose import fill, render
from notify.content.own_words import Form
from notify.core.errors import Invalid
from tests.notify.content.written import CONTEXT

FORMS = [
    (event.name, phase, (channel, language))
    for event in catalogue().events
    for phase in event.phases
    for channel in event.written(phase)
    for language in event.languages
]
STORM = catalogue().event("storm")


@pytest.mark.parametrize(("name", "phase", "form"), FORMS)
def test_the_built_in_words_could_be_the_citys_own(name: str, phase: str, form: Form) -> None:
    event = catalogue().event(name)
    words = own_words.built_in(event, phase, *form)
    assert own_words.mistakes(event, phase, form, words) == []
    assert own_words.untranslated(event, words, own_words.built_in(event, phase, form[0], "en")) == []
    rewritten = own_words.rewritten(event, phase, {form: words})
    for every_blank in (True, False):
        shown = [own_words.specimen(one, phase, form, CONTEXT, every_blank=every_blank) for one in (event, rewritten)]
        assert shown[0] == shown[1]
    listed = {blank.written.strip("{} ").partition(".")[0] for blank in own_words.usable(event, phase, *form)}
    assert grammar.printed([grammar.parse(text) for text in words.values()]) <= listed


def test_other_words_are_said_and_only_in_their_form() -> None:
    words = {"text": "{{ city }}: {{ hazard.danger }} in {{ area }} until {{ expires }}. Go now!."}
    event = own_words.rewritten(STORM, "issue", {("sms", "en"): words})
    shown = own_words.specimen(event, "issue", ("sms", "en"), CONTEXT, every_blank=True)
    assert shown.text.startswith("City of Tocsin: ")
    assert shown.text.endswith("Go now!.")
    for form in (("sms", "es"), ("social", "en")):
        ours = own_words.specimen(event, "issue", form, CONTEXT, every_blank=True)
        assert ours == own_words.specimen(STORM, "issue", form, CONTEXT, every_blank=True)


@pytest.mark.parametrize(("name", "phase", "form"), FORMS)
def test_examples_of_free_words_are_in_the_language_of_the_message(name: str, phase: str, form: Form) -> None:
    event = catalogue().event(name)
    shown = own_words.specimen(event, phase, form, CONTEXT, every_blank=True)
    free = [blank.example for blank in event.blanks(phase) if blank.translated]
    assert not [words for words in free if form[1] == "es" and words in f"{shown.subject} {shown.text}"]


def test_each_blank_is_described_by_words_of_its_own() -> None:
    for event in catalogue().events:
        for phase in event.phases:
            described = [(one.label, one.shows) for one in own_words.usable(event, phase, "email", "en")]
            assert len(described) == len(set(described)), (event.name, phase)


def test_a_full_stop_after_a_value_is_not_doubled_in_own_words() -> None:
    words = {"text": "{{ city }}: {{ hazard.danger }}. {{ action }}."}
    event = own_words.rewritten(STORM, "issue", {("sms", "en"): words})
    filled = fill(event, "issue", {"hazard": "wind", "action": "Run!"})
    (one,) = render(event, "issue", filled, channels=["sms"], languages=["en"], context=CONTEXT)
    assert one.text.endswith("Run!")


def test_words_with_a_blank_that_an_upgrade_has_taken_away_are_named() -> None:
    event = own_words.rewritten(STORM, "issue", {("sms", "es"): {"text": "{{ city }} {{ siren.tone }}"}})
    with pytest.raises(Invalid, match="The city's words for sms in 'es' cannot be used: 'siren' is undefined"):
        own_words.specimen(event, "issue", ("sms", "es"), CONTEXT, every_blank=True)


def test_a_blank_that_is_only_said_on_a_condition_is_not_always_said() -> None:
    tree = grammar.parse(
        "{{ a }}{% if x %}{{ b }}{{ c }}{% elif y %}{{ c }}{% else %}{{ c }}{% if z %}{{ d }}{% endif %}{% endif %}"
    )
    assert grammar.always_printed([tree]) == {"a", "c"}
    assert grammar.printed([tree]) == {"a", "b", "c", "d"}  # x, y and z are asked, not said

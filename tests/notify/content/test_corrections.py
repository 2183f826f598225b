"""A message that corrects an earlier one says so first, in every channel and language."""

from dataclasses import replace

import pytest

from notify.channels.channel import CHANNELS
from tests.notify.content.written import CONTEXT, written

SAID = {"en": "Correction:", "es": "Corrección:"}


@pytest.mark.parametrize("language", SAID)
@pytest.mark.parametrize("channel", ["sms", "email", "social"])
def test_a_correction_says_so_first_and_is_counted_with_it(channel: str, language: str) -> None:
    plain = written("storm", "update", channel, language)
    mended = written("storm", "update", channel, language, context=replace(CONTEXT, corrects=True))
    title, before = (mended.subject, plain.subject) if channel == "email" else (mended.text, plain.text)
    said = SAID[language] if channel == "email" else CHANNELS[channel].written(SAID[language])
    assert title == f"{said} {before}"
    assert said not in plain.text
    assert mended.cost == CHANNELS[channel].cost(mended.text)
    assert mended.text.startswith(said)
    assert channel != "email" or SAID[language] in mended.html


@pytest.mark.parametrize("language", SAID)
def test_words_that_say_it_already_do_not_say_it_twice(language: str) -> None:
    mended = written("collection", "update", "sms", language, context=replace(CONTEXT, corrects=True))
    assert mended.text == written("collection", "update", "sms", language).text


def test_an_exercise_is_named_before_the_correction() -> None:
    mended = written("storm", "update", "sms", "en", context=replace(CONTEXT, corrects=True, status="Exercise"))
    assert mended.text.startswith("EXERCISE: This is practice, not real. Correction: ")

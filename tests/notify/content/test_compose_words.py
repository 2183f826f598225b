"""What people write into blanks arrives as they wrote it: in every language, on every channel, as no code."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.channels import sms_segments
from notify.content.compose import catalogue, fill
from tests.notify.content.written import CONTEXT, Parsed, written


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
    assert sms_segments.encoding_of(one.text) == "GSM-7"


def test_what_does_not_show_costs_nothing() -> None:
    context = replace(CONTEXT, city="City of\u00a0Tocsin\u200b", area="River\u00adside", program="\u200eAlerts")
    hidden = written("storm", "issue", "sms", "en", {"hazard": "wind", "action": "Go\u2060 in`side\u00b4"}, context)
    assert sms_segments.encoding_of(hidden.text) == "GSM-7"
    assert hidden.text.startswith("City of Tocsin: ")
    assert "Riverside" in hidden.text
    assert "Go in'side'." in hidden.text


@pytest.mark.parametrize("channel", ["sms", "email", "social"])
@pytest.mark.parametrize("language", ["en", "es"])
def test_no_full_stop_is_glued_to_an_address_or_to_another_mark(channel: str, language: str) -> None:
    blanks = {"hazard": "wind", "action": "Go inside now!", "shelter": "https://x.org/s."}
    context = replace(CONTEXT, help_contact="https://x.org/311")
    text = written("storm", "issue", channel, language, blanks, context).text
    text += written("outage", "issue", channel, language, {"utility": "gas", "cause": "unknown?"}, context).text
    assert "Go inside now! " in text or "Go inside now!\n" in text
    assert not re.search(r"https?://\S*[.,;:!?](\s|$)|[!?]\.", text), text


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60))
def test_whatever_an_operator_writes_arrives_literally(words: str) -> None:
    if not words.strip("."):
        return
    one = written("outage", "update", "social", "en", {"utility": "gas", "cause": words})
    kept = fill(catalogue().event("outage"), "update", {"utility": "gas", "cause": words}).values["cause"]
    # A mark that ends a sentence, or a web address, takes no full stop.
    assert re.search(rf"Cause: {re.escape(kept.rstrip('.'))}(\.|(?<=[!?\u2026\"')\]/\u00bb\u2019\u201d])) ", one.text)

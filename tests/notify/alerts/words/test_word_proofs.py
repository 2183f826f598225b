"""The previews of the city's own words: examples that agree with each other."""

from notify.alerts.words import word_proofs
from notify.content import own_words
from notify.content.catalogue import catalogue
from notify.core.settings import settings


def test_what_begins_in_an_example_ends_after_it(database: str) -> None:
    event, form = catalogue().event("storm"), ("sms", "en")
    words = {form: own_words.built_in(event, "issue", *form)}
    (proof,) = word_proofs.proofs(event, "issue", words, words, settings())
    assert proof.full is not None
    assert "from 4 PM Tuesday" in proof.full.text
    assert "until 10 PM Tuesday" in proof.full.text

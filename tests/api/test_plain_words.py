"""Pages say what a word of the field means, and show messages in the language of their readers."""

from collections.abc import Callable
from datetime import datetime

import httpx

from api.message_size import size
from notify.content.compose import Rendered
from notify.core.db import transaction
from tests import factories
from tests.api.filling import Form
from tests.api.test_compose import desk, filled, started

__all__ = ["desk"]
Desk = Callable[[str], httpx.Client]
JARGON = ("UCS-2", "Lane", " lane.", "ingerprint", ", fast")


def test_no_page_of_an_alert_has_words_that_only_engineers_know(desk: httpx.Client, at_desk: Desk) -> None:
    path = started(desk)
    filled(desk, path).send(desk, path)
    compose = desk.get(path).text
    review = Form(compose).send(desk, path, "review").headers["location"]
    for page in ("/console/compose", path, review, "/console/alerts"):
        said = at_desk("author").get(page).text
        assert [word for word in JARGON if word in said] == [], page


def test_a_text_that_costs_more_says_so_in_plain_words() -> None:
    said = size(Rendered("sms", "es", "", "Nieve \u2744", "", 1))
    assert "characters, with accents or signs that make the text cost more" in said
    assert size(Rendered("sms", "es", "", "Nieve", "", 1)) == "5 characters"


def test_a_readers_own_link_is_named_in_the_language_of_the_message(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        alert = factories.alert_draft(s, now=city, event="outage", channels=("email",)).id
    page = at_desk("author").get(f"/console/alerts/{alert}").text
    spanish = page.partition('<blockquote lang="es">')[2].partition("</blockquote>")[0]
    assert "(el enlace propio de cada lector)" in spanish
    assert page.count("(each reader&#39;s own link)") == 1, "the English one"

"""Answers on the desk, on the public page and by text message."""

import re
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from notify.alerts import lifecycle
from notify.channels.contract import Inbound
from notify.core.db import transaction
from notify.inbound.messages import Reply, receive
from notify.service311.answers import search, store
from notify.service311.answers.store import Text, Written
from tests import factories
from tests.factories import NOW, operator

Desk = Callable[[str], httpx.Client]
FORM = {
    "question_en": "Is the water safe to drink?",
    "answer_en": "Yes. No boil notice is in force.",
    "keywords_en": "tap boil",
    "question_es": "¿Es segura el agua para beber?",
    "answer_es": "Sí. No hay aviso de hervir el agua.",
}


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]).split())


def test_an_answer_is_written_found_changed_and_ended(at_desk: Desk, door: httpx.Client) -> None:
    agent = at_desk("agent")
    assert agent.post("/desk/answers/save", data=FORM).status_code == 403
    agent = at_desk("approver")
    assert "Is the water safe" not in door.get("/answers").text
    listed = agent.post("/desk/answers/save", data=FORM, follow_redirects=True)
    assert "Is the water safe to drink?" in listed.text
    assert "Is the water safe to drink?" in words(door.get("/answers").text)
    assert "¿Es segura el agua" in words(door.get("/answers?lang=es").text)
    assert "Yes. No boil notice" in words(agent.post("/desk/answers", data={"asked": "watr safe"}).text)
    spanish = agent.post("/desk/answers", data={"asked": "agua segura", "language": "es"}).text
    assert re.search(
        r'<article [^>]*lang="es"[^>]*><h2>[^<]+<small class="soft" lang="en">Español</small></h2>', spanish
    )
    assert (
        "<small"
        not in agent.post("/desk/answers", data={"asked": "water", "language": "en"}).text.partition("<main")[2]
    )
    form = agent.get("/desk/answers/1").text
    assert 'name="seen" value="1"' in form
    changed = FORM | {"number": "1", "seen": "1", "answer_en": "No. Boil it."}
    agent.post("/desk/answers/save", data=changed)
    again = agent.post("/desk/answers/save", data=changed)
    assert again.status_code == 409
    assert "in the meantime" in again.text
    assert "No. Boil it." in words(door.get("/answers").text)
    agent.post("/desk/answers/1/end")
    assert "water" not in words(door.get("/answers").text)
    missing = agent.post("/desk/answers/save", data={"question_en": "What?"})
    assert (missing.status_code, 'value="What?"' in missing.text) == (422, True)


def test_a_search_on_the_public_page_finds_or_is_listed_for_the_editor(at_desk: Desk, door: httpx.Client) -> None:
    at_desk("approver").post("/desk/answers/save", data=FORM)
    assert "1 answer found." in words(door.post("/answers", data={"asked": "boyl watter"}).text)
    for _ in range(search.OFTEN):
        nothing = door.post("/answers?lang=es", data={"asked": "licencia de perro en 12 Main"})
    assert "No tenemos respuesta" in words(nothing.text)
    assert nothing.headers["cache-control"] == "no-store"
    assert "licencia main perro" in words(at_desk("author").get("/desk/answers").text)


def test_an_answer_about_an_incident_waits_for_its_first_alert(at_desk: Desk, door: httpx.Client) -> None:
    with transaction() as s:
        factories.zone(s)
        draft = factories.alert_ready(s, event="outage")
        alert, incident = draft.id, draft.incident_id
    approver = at_desk("approver")
    assert approver.post("/desk/answers/save", data=FORM | {"incident": str(incident)}).status_code == 303
    assert "water" not in words(door.get("/answers").text)
    assert "water" not in words(door.post("/answers", data={"asked": "watr safe"}).text)
    assert "the water" not in (hear("is the water safe to drink", "SM1").text or "")
    with transaction() as s:
        lifecycle.launch(s, alert, None, NOW)
    assert "1 answer found." in words(door.post("/answers", data={"asked": "watr safe"}).text)


@pytest.fixture
def _written(database: str) -> None:
    del database
    with transaction() as s:
        by = operator(s)
        store.save(
            s,
            Written({
                "en": Text("Is the water safe to drink?", "Yes.", "Yes, the water is safe."),
                "es": Text("¿Es segura el agua?", "Sí.", "Sí, el agua es segura."),
            }),
            NOW,
            by,
        )  # fmt: skip
        long = "The library on Main Street. " * 20
        texts = {"en": Text("Where are the warming centers?", long), "es": Text("¿Dónde hay centros de calor?", long)}
        store.save(s, Written(texts), NOW, by)


def hear(said: str, reference: str) -> Reply:
    with transaction() as s:
        text = Inbound("+12155559999", "+15555550100", said, reference, "")
        return receive(s, "twilio", text, NOW + timedelta(hours=1))


@pytest.mark.usefixtures("_written")
@pytest.mark.parametrize(
    ("said", "meaning", "part"),
    [
        ("Is the watter safe to drink?", "command", "Yes, the water is safe."),
        ("es segura el agua?", "command", "Si, el agua es segura."),
        ("where are the warming centers", "command", "/answers#answer-2"),
        ("why is the moon so bright tonight", "other", "nobody reads this number"),
        ("STOP", "stop", ""),
        ("HELP", "help", ""),
        ("help me I can not breathe, is the water safe", "distress", "911"),
        ("JOIN", "command", "street address"),
    ],
)
def test_a_question_by_text_is_answered_if_an_answer_fits_well(said: str, meaning: str, part: str) -> None:
    reply = hear(said, "SM1")
    assert reply.meaning == meaning
    assert part in (reply.text or "")
    assert ("water is safe" in (reply.text or "")) == ("watter" in said)


@pytest.mark.usefixtures("_written")
def test_a_question_by_text_that_no_answer_has_is_listed_by_its_words_alone() -> None:
    for n in range(search.OFTEN):
        hear("when does the circus come? 215-555-0143", f"SM{n}")
        hear("the circus came, lovely", f"SN{n}")
    with transaction() as s:
        assert [(one.words, one.times) for one in search.in_vain(s)] == [("circus come", search.OFTEN)]


def test_the_public_page_links_the_open_data_of_calls(door: httpx.Client) -> None:
    page = door.get("/answers").text
    for link in ("/data/calls.csv", "/data/calls.json"):
        assert f'href="{link}"' in page
        assert door.get(link).status_code == 200

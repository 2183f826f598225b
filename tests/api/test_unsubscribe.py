"""Leaving a list by a link (RFC 8058)."""

from datetime import datetime

import httpx
import pytest

from notify.db import transaction
from notify.pipeline.messages import unsubscribe_url
from notify.settings import settings
from tests import factories
from tests.api import asked


@pytest.fixture
def link(door: httpx.Client, city: datetime) -> str:
    with transaction() as s:
        person = factories.resident(s, email="maria.lopez@example.org", language="es", now=city)
    assert person.mail is not None
    return unsubscribe_url(settings(), person.mail, "storm")


def suppressed() -> list[tuple[str, str | None]]:
    return [tuple(row) for row in asked.rows("SELECT channel, topic FROM suppressions ORDER BY id")]


def test_looking_at_the_link_changes_nothing_and_says_what_it_would_do(door: httpx.Client, link: str) -> None:
    for method in ("GET", "GET"):
        answer = door.request(method, link)
        assert answer.status_code == 200
    assert suppressed() == []
    assert 'lang="es"' in answer.text
    assert "No recibir más mensajes sobre tormentas" in answer.text
    assert "maria.lopez" not in answer.text
    assert "Stop messages about storms" in door.get(f"{link}?lang=en").text


@pytest.mark.parametrize("multipart", [False, True])
def test_one_click_of_a_mail_program_unsubscribes_at_once(door: httpx.Client, link: str, multipart: bool) -> None:
    field = {"List-Unsubscribe": "One-Click"}
    sent = door.post(link, files={k: (None, v) for k, v in field.items()}) if multipart else door.post(link, data=field)
    assert sent.status_code == 200
    assert "set-cookie" not in sent.headers
    assert suppressed() == [("email", "storm")]
    assert door.post(link, data=field).status_code == 200
    assert suppressed() == [("email", "storm")]


def test_the_buttons_stop_a_topic_or_everything(door: httpx.Client, link: str) -> None:
    done = door.post(link, data={"stop": "topic"})
    assert "No enviaremos nada más sobre tormentas" in done.text
    assert suppressed() == [("email", "storm")]
    done = door.post(link, data={"stop": "everything"})
    assert "No enviaremos nada más a" in done.text
    assert suppressed() == [("email", "storm"), ("email", None)]


def test_a_link_that_is_not_ours_does_nothing(door: httpx.Client, link: str) -> None:
    for broken in (link[:-2], f"{link}x", f"{settings().public_url}/u/abc"):
        assert door.get(broken).status_code == 422
        assert door.post(broken, data={"List-Unsubscribe": "One-Click"}).status_code == 422
    assert suppressed() == []


def test_the_token_stands_in_no_log_line(door: httpx.Client, link: str, caplog: pytest.LogCaptureFixture) -> None:
    door.get(link)
    door.get("/console/enter", params={"ticket": "not-a-real-ticket"})
    said = [record.getMessage() for record in caplog.records if record.name != "httpx"]  # the test's own client
    assert any("'/u/{token}'" in line for line in said)
    token = link.rpartition("/")[2]
    assert not any(token in line or "not-a-real-ticket" in line for line in said)

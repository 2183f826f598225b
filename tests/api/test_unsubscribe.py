"""Leaving a list by a link (RFC 8058)."""

import socket
from collections.abc import Iterator
from datetime import datetime

import httpx
import pytest

from api.middleware import BODY_BYTES
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery.requests import unsubscribe_url
from tests import factories
from tests.api import asked
from tests.owner import as_owner


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
    assert "@example.org" in answer.text, "whose messages, shortened"
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


BROKEN = [
    (b"", "multipart/form-data"),
    (b"", "multipart/form-data; boundary=x"),
    (b"--x\r\nContent-Disp", "multipart/form-data; boundary=x"),
    (b"--y\r\n\r\nList-Unsubscribe=One-Click\r\n--y--", "multipart/form-data; boundary=x"),
    (b"\xff\xfe%%%&&&=;", "application/x-www-form-urlencoded"),
    (b"&".join(b"a=%d" % n for n in range(5_000)), "application/x-www-form-urlencoded"),
    (b"{}", "application/json"),
    (b"List-Unsubscribe=One-Click", ""),
]


@pytest.mark.parametrize(("body", "kind"), BROKEN)
def test_one_click_with_a_broken_body_unsubscribes_all_the_same(
    door: httpx.Client, link: str, body: bytes, kind: str
) -> None:
    answer = door.post(link, content=body, headers={"Content-Type": kind} if kind else {})
    assert (answer.status_code, answer.text) == (200, "Unsubscribed.\n")
    assert suppressed() == [("email", "storm")]


TOO_MUCH = b"List-Unsubscribe=One-Click&x=" + b"x" * (2 * BODY_BYTES)


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"])
@pytest.mark.parametrize("stated", [True, False])
def test_one_click_with_too_large_a_body_unsubscribes_all_the_same(
    door: httpx.Client, link: str, stated: bool, kind: str
) -> None:
    def in_chunks() -> Iterator[bytes]:
        yield from (TOO_MUCH[at : at + 10_000] for at in range(0, len(TOO_MUCH), 10_000))

    for content in (TOO_MUCH, TOO_MUCH) if stated else (in_chunks(), in_chunks()):
        answer = door.post(link, content=content, headers={"Content-Type": kind})
        assert (answer.status_code, answer.text) == (200, "Unsubscribed.\n")
        assert suppressed() == [("email", "storm")]


def test_of_a_body_that_is_too_large_no_more_is_read_than_of_any_other(door: httpx.Client, link: str) -> None:
    url = httpx.URL(link)
    lines = [f"POST {url.path} HTTP/1.1", f"Host: {url.host}", f"Content-Length: {10**12}"]
    lines += ["Content-Type: application/x-www-form-urlencoded"]
    with socket.create_connection((url.host, url.port or 80), timeout=60) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode() + b"x" * (BODY_BYTES + 1))
        assert line.recv(100).startswith(b"HTTP/1.1 200 ")
    assert suppressed() == [("email", "storm")]


def test_looking_with_head_is_looking(door: httpx.Client, link: str) -> None:
    assert door.head(link).status_code == 200
    assert suppressed() == []


@pytest.mark.parametrize("stop", ["topic", "everything"])
def test_what_was_stopped_can_be_undone(door: httpx.Client, link: str, stop: str) -> None:
    assert 'name="undo"' in door.post(link, data={"stop": stop}).text
    assert 'name="undo"' in door.get(link).text
    undone = door.post(link, data={"undo": "yes"})
    assert undone.status_code == 200
    assert "Volveremos a enviar mensajes sobre tormentas" in undone.text
    assert suppressed() == []
    kinds = asked.rows("SELECT kind FROM consents WHERE how LIKE '%link%' ORDER BY id")
    assert kinds == [("opt-out",), ("opt-in",)]


def test_an_old_link_that_was_passed_on_brings_nobody_back(door: httpx.Client, link: str) -> None:
    door.post(link, data={"stop": "everything"})
    as_owner("UPDATE suppressions SET at = at - interval '25 hours'")
    assert door.post(link, data={"undo": "yes"}).status_code == 409
    assert suppressed() == [("email", None)]
    as_owner("UPDATE suppressions SET at = now(), reason = 'complaint'")
    assert door.post(link, data={"undo": "yes"}).status_code == 409


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
    door.get("/console/enter", params={"link": "not-a-real-link"})
    said = [record.getMessage() for record in caplog.records if record.name != "httpx"]  # the test's own client
    assert any("'/u/{token}'" in line for line in said)
    token = link.rpartition("/")[2]
    assert not any(token in line or "not-a-real-link" in line for line in said)

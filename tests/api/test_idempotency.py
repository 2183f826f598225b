"""A draft that is sent again, because its answer was lost, is one alert."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx

from tests.api import asked
from tests.api.test_alerts import DRAFT, Headers, Key
from tests.owner import as_owner


def draft(door: httpx.Client, headers: Headers, key: str, status: int = 201, **changed: Any) -> Any:
    answer = door.post("/api/v1/alerts", json=DRAFT | changed, headers=headers | {"Idempotency-Key": key})
    assert answer.status_code == status, answer.text
    return answer.json()


def drafted(door: httpx.Client, headers: Headers) -> int:
    """One that is no exercise, without a key."""
    answer = door.post("/api/v1/alerts", json=DRAFT | {"status": "Actual"}, headers=headers)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def test_the_same_request_again_has_the_same_answer(door: httpx.Client, key: Key, city: datetime) -> None:
    author = key("author")
    first = draft(door, author, '"8e03978e-40d5"')
    assert draft(door, author, '"8e03978e-40d5"') == first
    assert draft(door, author, "8e03978e-40d5") == first, "quoted or not"
    assert asked.number("SELECT count(*) FROM alerts") == 1
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'draft'") == 1
    assert "another request" in draft(door, author, "8e03978e-40d5", 422, blanks={"hazard": "wind"})["detail"]
    assert draft(door, author, "another")["id"] != first["id"]
    assert draft(door, key("author"), "another")["id"] != first["id"], "each API key has its own"
    assert asked.number("SELECT count(*) FROM alerts") == 3
    for _ in range(2):
        draft(door, author, "")
    assert asked.number("SELECT count(*) FROM alerts") == 5


def test_without_a_key_a_repetition_is_another_draft_that_names_the_first(
    door: httpx.Client, key: Key, city: datetime
) -> None:
    """Two that are alike may be meant, and no draft leaves by itself: who approves it sees the first."""
    author = key("author")
    first, second = (drafted(door, author) for _ in range(2))
    like = door.get(f"/api/v1/alerts/{second}", headers=author).json()["similar"]
    assert [one["id"] for one in like] == [first]


def test_what_was_refused_may_be_sent_again(door: httpx.Client, key: Key, city: datetime) -> None:
    author = key("author")
    draft(door, author, "k", 404, zones=["Nowhere"])
    draft(door, author, "k", 422, blanks={"hazard": "wind", "gusts": "70"})
    assert draft(door, author, "k")["state"] == "draft"


def test_two_at_once_are_one(door: httpx.Client, key: Key, city: datetime) -> None:
    author = key("author")
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: draft(door, author, "k")["id"], range(4)))
    assert len(set(made)) == 1
    assert asked.number("SELECT count(*) FROM alerts") == 1


def test_after_a_day_a_key_is_new(door: httpx.Client, key: Key, city: datetime) -> None:
    author = key("author")
    first = draft(door, author, "k")
    as_owner("UPDATE idempotency_keys SET at = at - interval '25 hours'")
    assert draft(door, author, "k")["id"] != first["id"]


def test_only_hashes_are_kept(door: httpx.Client, key: Key, city: datetime) -> None:
    draft(door, key("author"), "k")
    assert asked.number("SELECT count(*) FROM idempotency_keys WHERE length(key_hash) = 32 AND alert_id > 0") == 1

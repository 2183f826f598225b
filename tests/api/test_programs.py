"""What the console can do, programs can do over REST: channel policies, owners of zones, words, corrections."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from notify.alerts import lifecycle
from notify.core.db import transaction
from tests import factories
from tests.api import asked

Key = Callable[..., dict[str, str]]
IN_A_YEAR = (datetime.now(UTC) + timedelta(days=365)).date().isoformat()
POLICY = {"channel": "sms", "topic": "storm", "owner": "Mayor Lee", "reason": "Texts cost.", "review_on": IN_A_YEAR}
WORDS = "/api/v1/words/storm/all-clear"
OURS = "{{ city }}: {{ hazard.danger }} is over in {{ area }}. {{ hazard.after }} Check on your neighbors."


def test_a_policy_is_made_listed_heeded_and_ended(door: httpx.Client, city: datetime, key: Key) -> None:
    admin = key("admin")
    with transaction() as s:
        factories.sender(s, now=city)
        factories.sender(s, "sendgrid", now=city)
    made = door.post("/api/v1/policies", json=POLICY, headers=admin)
    assert made.status_code == 201, made.text
    assert made.json().items() >= POLICY.items()
    assert door.post("/api/v1/policies", json=POLICY, headers=admin).status_code == 409
    assert [one["id"] for one in door.get("/api/v1/policies", headers=key()).json()["policies"]] == [made.json()["id"]]
    draft = {"event": "storm", "zones": ["Riverside"], "blanks": {"hazard": "tornado"}}
    assert door.post("/api/v1/alerts", json=draft, headers=key("author")).json()["channels"] == ["email"]
    ended = door.post(f"/api/v1/policies/{made.json()['id']}/end", headers=admin)
    assert (ended.status_code, ended.json()) == (200, {"policies": []})
    assert door.post(f"/api/v1/policies/{made.json()['id']}/end", headers=admin).status_code == 404
    assert asked.number("SELECT count(*) FROM audit WHERE subject = 'channel_policy' AND operator_id IS NOT NULL") == 2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"channel": "fax"}, "channel"),
        ({"topic": "gossip"}, "topic"),
        ({"owner": " "}, "Give an owner"),
        ({"reason": "x" * 501}, "The most is 500"),
        ({"review_on": "2020-01-01"}, "in the past"),
        ({"review_on": "soon"}, "review_on"),
    ],
)
def test_a_policy_names_what_is_wrong(
    door: httpx.Client, city: datetime, key: Key, wrong: dict[str, str], told: str
) -> None:
    answer = door.post("/api/v1/policies", json=POLICY | wrong, headers=key("admin"))
    assert answer.status_code == 422
    assert told in answer.text
    assert asked.number("SELECT count(*) FROM channel_policies") == 0


def test_a_zone_has_an_owner(door: httpx.Client, city: datetime, key: Key) -> None:
    zone = door.get("/api/v1/zones/Riverside", headers=key()).json()["properties"]
    assert zone["owner"] == ""
    path = f"/api/v1/zones/{zone['id']}"
    assert door.patch(path, json={"owner": "Streets"}, headers=key("approver")).status_code == 403
    changed = door.patch(path, json={"owner": "Streets"}, headers=key("admin"))
    assert changed.json() == zone | {"owner": "Streets"}
    assert door.get("/api/v1/zones/Riverside", headers=key()).json()["properties"]["owner"] == "Streets"
    assert door.patch("/api/v1/zones/999", json={"owner": "Streets"}, headers=key("admin")).status_code == 404
    assert door.patch(path, json={"owner": "x" * 101}, headers=key("admin")).status_code == 422


def words(door: httpx.Client, headers: dict[str, str], language: str = "en") -> tuple[int, dict[str, Any]]:
    found = door.get(WORDS, headers=headers).json()
    one = next(x for x in found["messages"] if (x["channel"], x["language"]) == ("sms", language))
    return found["seen"], one


def message(language: str = "en", **more: Any) -> dict[str, Any]:
    return {"channel": "sms", "language": language} | more


def test_words_are_saved_confirmed_and_taken_back(door: httpx.Client, city: datetime, key: Key) -> None:
    approver = key("approver")
    seen, built_in = words(door, approver)
    body = {"seen": seen, "note": "After the flood", "messages": [message(words={"text": OURS})]}
    saved = door.post(WORDS, json=body, headers=approver)
    assert saved.status_code == 201, saved.text
    now, own = words(door, approver)
    assert (own["words"], own["own"], own["version"], own["note"]) == ({"text": OURS}, True, 1, "After the flood")
    assert saved.json()["seen"] == now != seen
    assert words(door, approver, "es")[1]["stale"]
    refused = door.post(WORDS, json=body, headers=approver)
    assert (refused.status_code, "has saved these words meanwhile" in refused.text) == (409, True)
    spanish = message("es", words=words(door, approver, "es")[1]["words"], fits=True)
    assert door.post(WORDS, json={"seen": now, "messages": [spanish]}, headers=approver).status_code == 201
    now, again = words(door, approver, "es")
    assert not again["stale"]
    assert door.post(WORDS, json={"seen": now, "messages": [message()]}, headers=approver).status_code == 201
    assert words(door, approver)[1]["words"] == built_in["words"]
    versions = door.get(f"{WORDS}/versions", headers=key()).json()["versions"]
    assert [(one["language"], one["version"], one["words"] is None) for one in versions] == [
        ("en", 2, True),
        ("es", 1, True),
        ("en", 1, False),
    ]
    assert versions[0]["by"] == "approver@tocsin.example.org"
    listed = door.get("/api/v1/words", headers=key()).json()["messages"]
    assert {one["own"] for one in listed} == {False}


@pytest.mark.parametrize(
    ("wrong", "status", "told"),
    [
        ([message(words={"text": "{{ nothing }}"})], 422, "nothing"),
        ([message(words={"subject": "x"})], 422, "has these parts: text"),
        ([message("fi", words={"text": "x"})], 404, "no words for sms in 'fi'"),
        ([message("fi")], 404, "no words for sms in 'fi'"),
        ([message(), message()], 422, "is there twice"),
        ([message()], 409, "Nothing has changed"),
        ([], 422, "messages"),
    ],
)
def test_words_that_cannot_be_used_are_refused(
    door: httpx.Client, city: datetime, key: Key, wrong: list[dict[str, Any]], status: int, told: str
) -> None:
    answer = door.post(WORDS, json={"seen": 0, "messages": wrong}, headers=key("approver"))
    assert (answer.status_code, told in answer.text) == (status, True), answer.text
    assert door.get("/api/v1/words/storm/none", headers=key()).status_code in {404, 422}
    assert door.get("/api/v1/words/none/issue", headers=key()).status_code == 404
    assert asked.number("SELECT count(*) FROM word_versions") == 0


def test_an_update_corrects_the_message_before_it(door: httpx.Client, city: datetime, key: Key) -> None:
    author = key("author")
    with transaction() as s:
        first = factories.alert_ready(s, now=city)
        lifecycle.launch(s, first.id, None, city)
    draft = {"event": "storm", "blanks": {"hazard": "tornado"}, "channels": ["sms"], "corrects": True}
    draft |= {"phase": "update", "incident": first.incident_id}
    made = door.post("/api/v1/alerts", json=draft, headers=author)
    assert made.status_code == 201, made.text
    report = door.get(f"/api/v1/alerts/{made.json()['id']}/report", headers=author).json()
    assert {one["text"][:11] for one in report["words"] if one["language"] == "en"} == {"Correction:"}
    wrong = door.post("/api/v1/alerts", json=draft | {"phase": "issue"}, headers=author)
    assert (wrong.status_code, "corrects nothing" in wrong.text) == (422, True)

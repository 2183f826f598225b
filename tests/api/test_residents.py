"""A caller on the line, over REST."""

from collections.abc import Callable
from datetime import datetime

import httpx

from notify.db import transaction
from tests import factories

Key = Callable[..., dict[str, str]]


def test_find_opt_out_lift_and_erase(door: httpx.Client, key: Key, city: datetime) -> None:
    with transaction() as s:
        tom = factories.resident(s, now=city)
    agent, asked = key("agent"), {"address": tom.phone}

    def post(path: str, status: int = 200, **body: object) -> object:
        answer = door.post(f"/api/v1/residents/{path}", json=body, headers=agent)
        assert answer.status_code == status, answer.text
        assert tom.phone not in answer.text
        return answer.json()

    found = door.post("/api/v1/residents/find", json=asked, headers=agent).json()
    assert found["resident"]["id"] == tom.id
    assert post("opt-out", **asked, how="call to 311") == {"done": True, "to_do": ""}
    assert post("opt-out", **asked, how="call to 311") == {"done": False, "to_do": ""}
    post("lift", 409, **asked, how="call", reason="invalid")
    assert post("lift", **asked, how="call", reason="opt-out") == {"done": True, "to_do": ""}
    post(f"{tom.id}/erase")
    post(f"{tom.id}/erase", 409)
    shown = door.get(f"/api/v1/residents/{tom.id}", headers=agent).json()
    assert shown["resident"]["erased_at"]
    assert door.get("/api/v1/residents/999999", headers=agent).status_code == 404
    assert door.post("/api/v1/residents/find", json=asked, headers=key("author")).status_code == 403

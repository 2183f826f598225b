"""A caller on the line, over REST."""

import json
from collections.abc import Callable
from datetime import datetime

import httpx
from typer.testing import CliRunner, Result

from notify.accounts import operators
from notify.cli.residents import commands
from notify.core.db import transaction
from notify.core.errors import Invalid, NotAllowed, Refused
from tests import factories
from tests.notify.city.geocoder.town import house, settle

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


def test_the_command_reads_an_address_from_stdin_and_names_nobody_else(database: str) -> None:
    with transaction() as s:
        tom = factories.resident(s)
        secret = operators.add_key(s, "desk", factories.NOW, factories.operator(s, "agent"))

    def run(*arguments: str, given: str | None = None) -> Result:
        return CliRunner().invoke(commands, list(arguments), input=given, env={"TOCSIN_OPERATOR_KEY": secret})

    found = run("find", "-", "--json", given=f"{tom.phone}\n")
    assert json.loads(found.stdout)["resident"]["id"] == tom.id
    assert run("opt-out", tom.phone, "--how", "call to 311").stdout == "Opted out.\n"
    said = run("find", tom.phone).stdout
    assert "operator: call to 311" in said
    assert tom.phone not in said
    assert run("lift", tom.phone, "--reason", "opt-out", "--how", "call").stdout == "Lifted.\n"
    assert run("lift", tom.phone, "--reason", "nonsense", "--how", "call").exit_code != 0
    assert isinstance(run("erase", str(tom.id)).exception, Refused)  # nobody can be asked
    assert "is erased" in run("erase", str(tom.id), "--yes").stdout
    assert isinstance(run("erase", str(tom.id), "--yes").exception, Refused)
    nobody = CliRunner().invoke(commands, ["find", tom.phone], env={"TOCSIN_OPERATOR_KEY": ""})
    assert isinstance(nobody.exception, NotAllowed)


def test_move_and_correct(door: httpx.Client, key: Key, city: datetime) -> None:
    with transaction() as s:
        tom, ann = factories.resident(s, now=city), factories.resident(s, now=city)
    agent = key("agent")

    def post(path: str, status: int = 200, **body: object) -> httpx.Response:
        answer = door.post(f"/api/v1/residents/{path}", json=body, headers=agent)
        assert answer.status_code == status, answer.text
        return answer

    assert post(f"{tom.id}/move", place="home", lon=0.25, lat=0.25).json() == {"done": True, "to_do": ""}
    assert post(f"{tom.id}/add-place", label="work", lon=0.75, lat=0.75).json() == {"done": True, "to_do": ""}
    post(f"{tom.id}/add-place", 409, label="work", lon=0.8, lat=0.8)
    post(f"{tom.id}/add-place", 422, label="school")
    assert post(f"{tom.id}/remove-place", place="work").json() == {"done": True, "to_do": ""}
    post(f"{tom.id}/remove-place", 422, place="work")
    post("999999/remove-place", 404, place="work")
    assert "not known" in post(f"{tom.id}/move", 422, place="home", address="1 Nowhere Rd").text
    post(f"{tom.id}/move", 409, place="home", lon=60, lat=60)
    post(f"{tom.id}/move", 422, place="home", lon=0.25)
    post("999999/move", 404, place="home", lon=0.25, lat=0.25)
    new = {"address": "+12155550199", "how": "call to 311"}
    assert ann.phone not in post(f"{tom.id}/correct", 409, **new | {"address": ann.phone}).text
    assert post(f"{tom.id}/correct", **new).json() == {"done": True, "to_do": ""}
    found = door.post("/api/v1/residents/find", json={"address": new["address"]}, headers=agent).json()
    assert found["resident"]["id"] == tom.id
    author = key("author")
    assert door.post(f"/api/v1/residents/{tom.id}/correct", json=new, headers=author).status_code == 403
    where = {"place": "home", "lon": 0.5, "lat": 0.5}
    assert door.post(f"/api/v1/residents/{tom.id}/move", json=where, headers=author).status_code == 403


def test_the_commands_move_and_correct_read_from_stdin(database: str) -> None:
    settle(houses=[house("12", "ELM ST", -75.5, 39.5)])
    with transaction() as s:
        tom = factories.resident(s)
        secret = operators.add_key(s, "desk", factories.NOW, factories.operator(s, "agent"))

    def run(*arguments: str, given: str | None = None) -> Result:
        return CliRunner().invoke(commands, list(arguments), input=given, env={"TOCSIN_OPERATOR_KEY": secret})

    moved = run("move", str(tom.id), "--place", "home", "--address", "-", given="12 Elm St\n")
    assert "is moved: 12 Elm St." in moved.stdout, moved.exception
    with transaction() as s:
        assert factories.homes(s) == [(-75.5, 39.5)]
    added = run("move", str(tom.id), "--add", "work", "--lon", "-75.6", "--lat", "39.6")
    assert "is added" in added.stdout, added.exception
    with transaction() as s:
        assert factories.homes(s) == [(-75.5, 39.5), (-75.6, 39.6)]
    assert run("move", str(tom.id), "--remove", "work").stdout == "Place work is removed.\n"
    for wrong in ((), ("--add", "a", "--remove", "b"), ("--add", "a", "--label", "b"), ("--remove", "a", "--lon", "1")):
        assert isinstance(run("move", str(tom.id), *wrong).exception, Invalid)
    how = ("--how", "call to 311")
    assert run("correct", str(tom.id), "--phone", "-", *how, given="2155550199\n").stdout == "Corrected.\n"
    assert isinstance(run("correct", str(tom.id), *how).exception, Invalid)
    assert isinstance(run("correct", str(tom.id), "--email", "2155550199", *how).exception, Invalid)

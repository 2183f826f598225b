"""Every route and command answers each role as `roles.txt` says; tests/test_project.py finds those without a row."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx
import pytest
import redis as redis_client
from fastapi import APIRouter
from shapely.geometry import LineString, box, mapping

from api.app import create_app
from notify.accounts import operators
from notify.cli import restored
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories
from tests.api import role_table
from tests.api.role_requests import World, ask
from tests.api.role_table import ROLES, Row

OPERATORS = ("author", "approver", "agent", "admin")
TABLE = role_table.rows()
PARTS = 4  # of the table, so that several processes can share it


@pytest.fixture
def world(
    door: httpx.Client,
    city: datetime,
    at_desk: Callable[[str], httpx.Client],
    redis: "redis_client.Redis",
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> World:
    for name in ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "SENDGRID_API_KEY"):
        monkeypatch.setenv(f"TOCSIN_{name}", "AC" + "0" * 32)
    monkeypatch.setenv("TOCSIN_DATA", str(tmp_path / "no stack"))
    monkeypatch.setattr(restored, "WITHIN_S", 0.01)
    settings.cache_clear()
    _files(tmp_path)
    keys, cookies = {}, {}
    with transaction() as s:
        factories.sender(s, now=city)
        for role in OPERATORS:
            keys[role] = operators.add_key(s, f"key of {role}", city, factories.operator(s, role, now=city))
        keys["reader"] = operators.add_key(s, "reads", city)
    for role in OPERATORS:
        cookies[role] = httpx.Cookies(at_desk(role).cookies)
    door.headers.pop("Origin", None)
    return World(door, city, keys, cookies, str(tmp_path))


def _files(folder: Path) -> None:
    ranges = {"name": "ELM ST", "L_F_ADD": 1, "L_T_ADD": 99, "R_F_ADD": 2, "R_T_ADD": 98}
    for file, properties, shape in (
        ("zones", {"name": "Elm"}, box(-75, 40, -74.99, 40.01)),
        ("streets", ranges, LineString([(-75, 40), (-74.99, 40)])),
    ):
        feature = {"type": "Feature", "properties": properties, "geometry": mapping(shape)}
        (folder / f"{file}.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    (folder / "populations.csv").write_text("zone,population\nRiverside,1200\n")
    (folder / "addresses.csv").write_text("number,street,lon,lat\n5,ELM ST,-75,40\n")
    (folder / "residents.csv").write_text(
        "phone,topics,lon,lat,consent_at,consent_how\n+12025550107,storm,0.5,0.5,2026-01-01,form\n"
    )


def test_a_route_or_command_without_a_row_is_named_with_the_line_to_add() -> None:
    app, within = create_app(), APIRouter(prefix="/console/nowhere")
    within.add_api_route("/{zone_id}/retire", lambda zone_id: zone_id, methods=["POST"])
    outer = APIRouter()
    outer.include_router(within)
    app.include_router(outer)
    added = [one for one in role_table.routes(app) if one not in role_table.routes(create_app())]
    [fault] = role_table.faults(TABLE, [*(row.what for row in TABLE), *added])
    assert fault.startswith("POST /console/nowhere/{zone_id}/retire has no row. Add to tests/api/roles.txt:\n")
    assert role_table.rows(fault.partition("\n")[2].strip())[0].may["agent"] == "no"
    [fault] = role_table.faults(TABLE, [*(row.what for row in TABLE), "tocsin nowhere retire"])
    assert role_table.rows(fault.partition("\n")[2].strip())[0].what == "tocsin nowhere retire"


def test_a_row_without_a_route_is_named() -> None:
    there = [row.what for row in TABLE if row.what != "GET /console/map"]
    [fault] = role_table.faults(TABLE, there)
    assert "GET /console/map does not exist" in fault


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_each_role_may_do_what_its_row_says(part: int, world: World, redis: "redis_client.Redis") -> None:
    wrong = []
    for row in sorted(TABLE, key=_disturbs)[part::PARTS]:
        asked = [role for role in ROLES if row.may[role] != "-"]
        for role in sorted(asked, key=lambda role: row.may[role]):  # first those who are refused: they change nothing
            redis.flushdb()  # the rate limits
            got = ask(world, row, role)
            if got != row.may[role]:
                wrong.append(f"roles.txt:{row.line}: {row.what}: {role}: {row.may[role]} expected, but: {got}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)


def _disturbs(row: Row) -> bool:
    """These end sessions or hold alerts of others: they come last."""
    return any(word in row.what for word in ("sign-out", "tablet", "restored"))

"""The console's pages of zones."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from shapely.geometry import box

from notify.core.db import transaction
from tests import factories
from tests.api import asked
from tests.api.test_zone_import import collection, square
from tests.owner import as_owner

Desk = Callable[[str], httpx.Client]


def send(desk: httpx.Client, content: bytes, called: str = "city.geojson", **form: Any) -> httpx.Response:
    files = {"file": (called, content)}
    return desk.post("/console/zones/import", files=files, data={"kind": "snow", "act": "check", **form})


def names() -> list[str]:
    return [
        row[0] for row in asked.rows("SELECT name FROM zones WHERE kind = 'snow' AND retired_at IS NULL ORDER BY name")
    ]


def test_zones_are_found_by_name_and_kind(city: datetime, at_desk: Desk) -> None:
    with transaction() as s:
        factories.zone(s, "Old Town", box(1, 0, 2, 1), "snow")
    desk = at_desk("author")
    whole = desk.get("/console/zones").text
    assert "Riverside" in whole
    assert "Old Town" in whole
    found = desk.get("/console/zones", params={"find": "town"}).text
    assert ("Old Town" in found, "Riverside" in found) == (True, False)
    found = desk.get("/console/zones", params={"kind": "snow"}).text
    assert ("Old Town" in found, "Riverside" in found) == (True, False)


def test_a_zone_is_retired_once_and_only_by_an_admin(city: datetime, at_desk: Desk) -> None:
    zone = asked.number("SELECT id FROM zones")
    assert at_desk("approver").post(f"/console/zones/{zone}/retire", data={"sure": "yes"}).status_code == 403
    desk = at_desk("admin")
    assert "Tick the box" in desk.post(f"/console/zones/{zone}/retire").text
    assert asked.number("SELECT count(*) FROM zones WHERE retired_at IS NULL") == 1
    assert desk.post(f"/console/zones/{zone}/retire", data={"sure": "yes"}).status_code == 303
    again = desk.post(f"/console/zones/{zone}/retire", data={"sure": "yes"})
    assert (again.status_code, "retired already" in again.text) == (409, True)
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'retire' AND subject = 'zone'") == 1
    assert "Importing a file that contains it" in desk.get(f"/console/zones/{zone}").text


def test_a_zone_shows_its_versions(city: datetime, at_desk: Desk) -> None:
    with transaction() as s:
        factories.zone(s, "Riverside", box(0, 0, 1, 2))
    text = at_desk("agent").get(f"/console/zones/{asked.number('SELECT id FROM zones')}").text
    assert text.count('<th scope="row">') == 2
    assert '<path class="area"' in text


def test_a_damaged_zone_is_said_to_be_damaged(city: datetime, at_desk: Desk) -> None:
    zone = asked.number("SELECT id FROM zones")
    as_owner(
        "ALTER TABLE zone_versions DISABLE TRIGGER USER", "UPDATE zone_versions SET geometry = 'x'",
        "ALTER TABLE zone_versions ENABLE TRIGGER USER",
    )  # fmt: skip
    answer = at_desk("admin").get(f"/console/zones/{zone}")
    assert (answer.status_code, "cannot be read" in answer.text) == (200, True)
    assert at_desk("admin").get("/console/zones").status_code == 200


def test_a_file_is_checked_and_then_imported(city: datetime, at_desk: Desk) -> None:
    desk, content = at_desk("admin"), collection(Near=box(0, 0, 0.5, 1), Next=box(0.5, 0, 1, 1))
    checked = send(desk, content, accept_warnings="yes")
    assert "nothing has been imported yet" in checked.text
    assert names() == []
    done = send(desk, content, act="import", accept_warnings="yes")
    assert "city.geojson is imported" in done.text, done.text
    assert names() == ["Near", "Next"]


def test_what_must_be_confirmed_is_not_imported(city: datetime, at_desk: Desk) -> None:
    """The zones lie far from the city."""
    answer = send(at_desk("admin"), collection(A=square(0)), act="import")
    assert "Something in it must be confirmed" in answer.text
    assert names() == []


@pytest.mark.parametrize(
    ("content", "form", "named"),
    [
        (b"nothing", {}, "city.geojson"),
        (collection(A=square(0)), {"kind": "lava"}, "There is no zone kind &#39;lava&#39;"),
        (collection(A=square(0)), {"others": "all"}, "&#39;all&#39; is not a valid choice"),
        (collection(A=square(0)), {"name_field": "nope"}, "nope"),
    ],
)
def test_a_bad_file_or_field_is_named(
    city: datetime, at_desk: Desk, content: bytes, form: dict[str, str], named: str
) -> None:
    answer = send(at_desk("admin"), content, **form)
    assert answer.status_code == 422
    assert named in answer.text


def test_only_an_admin_imports(city: datetime, at_desk: Desk) -> None:
    desk = at_desk("approver")
    assert desk.get("/console/zones/import").status_code == 403
    assert send(desk, collection(Near=box(0, 0, 0.5, 1)), act="import", accept_warnings="yes").status_code == 403
    assert names() == []


def test_a_large_file_of_a_stranger_is_not_read(city: datetime, door: httpx.Client) -> None:
    """It is refused before the framework writes it to disk: the server answers before the end has been sent."""
    door.headers["Origin"] = str(door.base_url).rstrip("/")
    answer = send(door, b" " * 2**20)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/console/sign-in")


def test_a_zone_has_an_owner_whom_an_admin_names(city: datetime, at_desk: Desk) -> None:
    zone = asked.number("SELECT id FROM zones")
    path = f"/console/zones/{zone}/owner"
    assert "nobody" in at_desk("agent").get("/console/zones").text
    assert at_desk("approver").post(path, data={"owner": "Me"}).status_code == 403
    desk = at_desk("admin")
    assert desk.post(path, data={"owner": "x" * 101}).status_code == 422
    for _ in range(2):
        assert desk.post(path, data={"owner": " Fire <dept> "}).status_code == 303
    for page in ("/console/zones", f"/console/zones/{zone}"):
        assert "Fire &lt;dept&gt;" in desk.get(page).text
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'owner' AND subject = 'zone'") == 1


def test_a_zone_says_when_a_message_for_it_last_left(city: datetime, at_desk: Desk) -> None:
    desk, zone = at_desk("author"), asked.number("SELECT id FROM zones")
    assert "never tested" in desk.get("/console/zones").text
    alert = factories.alert_resolved(now=city)
    assert "never tested" in desk.get("/console/zones").text, "nothing has left yet"
    asked.do("UPDATE predictions SET measured = true, was_p95_at = now() - interval '400 days'")
    for page in ("/console/zones", f"/console/zones/{zone}"):
        assert "overdue" in desk.get(page).text
    asked.do(
        """INSERT INTO direct_messages
                  (kind, alert_id, operator_id, step, channel, subject, text, state, made_at, settled_at)
           SELECT 'test', :alert, min(id), 1, 'sms', '', 'x', 'accepted', now(), now() FROM operators""",
        alert=alert,
    )
    for page in ("/console/zones", f"/console/zones/{zone}"):
        text = desk.get(page).text
        assert "overdue" not in text
        assert f'<a href="/console/alerts/{alert}"><time' in text

"""Those in the area and in no zone: every page, file, answer and command shows the number that is in the database."""

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from shapely import box

from notify.city.parts import Drawn
from notify.cli import alert as commands
from notify.core.db import transaction
from tests import factories
from tests.api import asked
from zones.geometry import to_geojson

LABEL = "Elsewhere in the area"
ROWS = """
    SELECT count(DISTINCT c.subscriber_id) AS residents,
           count(DISTINCT c.subscriber_id) FILTER (WHERE d.state = 'delivered') AS reached
      FROM deliveries d JOIN contacts c ON c.id = d.contact_id
     WHERE d.alert_id = :alert AND c.subscriber_id = ANY (:there)
"""


@pytest.fixture
def alert(door: httpx.Client) -> tuple[int, int, int]:
    """An alert to a drawn area that West covers in part; residents and reached elsewhere in it, from the database."""
    now = datetime.now(UTC)
    with transaction() as s:
        factories.zone(s, "West", box(0, 0, 1, 1), "neighbourhood", now=now)
        factories.resident(s, at=[(0.75, 0.5)], now=now)
        factories.resident(s, at=[(0.75, 0.5), (1.25, 0.5)], now=now)  # in the zone and beside it: of the zone
        factories.resident(s, at=[(1.75, 0.5)], now=now)  # outside of the area
        there = [factories.resident(s, at=[(1.25, 0.5)], now=now).id for _ in range(13)]
    area = [Drawn(to_geojson(box(0.5, 0, 1.5, 1)))]
    number = factories.alert_resolved(now=now, zones=[], parts=area, area_description="Old Town")
    asked.do(
        """UPDATE deliveries d SET state = 'delivered', settled_at = now() FROM contacts c
            WHERE c.id = d.contact_id AND d.batch_id IS NOT NULL AND c.subscriber_id = ANY (:some)""",
        some=there[:11],
    )
    residents, reached = asked.rows(ROWS, alert=number, there=there)[0]
    assert (residents, reached) == (13, 11)
    return number, residents, reached


def test_every_place_shows_the_rows_of_the_database(
    alert: tuple[int, int, int],
    at_desk: Callable[[str], httpx.Client],
    key: Callable[..., dict[str, str]],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    number, residents, reached = alert
    desk, author = at_desk("author"), key("author")

    live = words(desk.get(f"/console/alerts/{number}/zones").text)
    assert f"{LABEL} {residents} {reached} " in live
    page = words(desk.get(f"/console/alerts/{number}/report").text)
    assert f"{LABEL} {reached} of {residents} residents" in page

    audience = desk.get(f"/api/v1/alerts/{number}/audience", headers=author).json()
    assert audience["zones"][-1] == {"kind": "elsewhere", "zone": "", "residents": residents}
    commands.show_audience(number, as_json=True)
    assert json.loads(capsys.readouterr().out)["zones"] == audience["zones"]
    commands.show_audience(number)
    assert re.search(rf"elsewhere\s+{LABEL}\s+{residents}\b", capsys.readouterr().out)

    table = desk.get(f"/console/alerts/{number}/report.csv").content.decode("utf-8-sig").splitlines()
    rows = [row[2:] for row in csv.reader(table) if row[:2] == ["zone", "elsewhere"]]
    assert rows == [["residents", str(residents)], ["reached", str(reached)]]
    document = desk.get(f"/console/alerts/{number}/report.json").json()
    kept = document["zones"][-1]
    assert (kept["kind"], kept["residents"], kept["reached"]) == ("elsewhere", residents, reached)

    pdf = desk.get(f"/console/alerts/{number}/report.pdf").content
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is absent: all but the PDF was read")
    (tmp_path / "report.pdf").write_bytes(pdf)
    read = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "report.pdf", "-"], capture_output=True, text=True, check=True
    )
    assert f"{LABEL} {residents} {reached}" in " ".join(read.stdout.split())


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())

"""The whole way of an alert on a real city's map: who gets it is exactly who should."""

import re
import threading
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import geopandas
import numpy as np
import pytest
import redis
import shapely
from shapely.geometry import Point

from notify.core.settings import settings
from notify.core.states import SETTLED
from tests.acceptance.city import APPROVER, CONSENT, SHARED, City, request
from tests.waiting import until

pytestmark = pytest.mark.long

RESIDENTS = 20_000
ZONES = SHARED / "zones" / "phl_neighborhoods.geojson"
STREETS = SHARED / "basemap" / "philadelphia_streets_with_ranges.gpkg"
NEIGHBOURHOOD = "Fishtown"


@dataclass(frozen=True)
class Run:
    """What went in, what came out, and everything that was said on the way."""

    alert: int
    expected_phones: set[str]
    expected_emails: set[str]
    addresses: list[str]
    redis_commands: list[str]


@pytest.fixture(scope="module")
def run(city: City) -> Run:
    """20,000 residents on Philadelphia's streets; a storm alert to one neighbourhood."""
    if not ZONES.exists() or not STREETS.exists():
        pytest.skip("../shared/data is absent")
    field = _name_field(geopandas.read_file(ZONES))
    done = city.run_json(
        "zones", "import", str(ZONES), "--kind", "neighbourhood", "--name-field", field, "--accept-warnings"
    )
    assert len(done["imported"]["added"]) == 159
    residents = _residents()
    city.import_rows(residents["row"])
    for phone in residents[residents["opted_out"] & (residents["phone"] != "")]["phone"]:
        city.sim(f"/_sim/phones/{phone}/reply".replace("+", "%2B"), {"text": "STOP", "to": "+15555550100"})
    opted_out = int((residents["opted_out"] & (residents["phone"] != "")).sum())
    until(
        lambda: city.sql("SELECT count(*) FROM suppressions WHERE channel = 'sms'")[0][0] >= opted_out, 60, "opt-outs"
    )
    with _watched_redis() as commands:
        alert = city.launch(city.approved(_zone_name(), channels=("sms", "email", "social")))
        city.until_delivered(alert, 180)
    zones = geopandas.read_file(ZONES)
    there = zones[zones[_name_field(zones)] == _zone_name()]
    inside = geopandas.sjoin(residents, there, predicate="intersects")
    wanted = inside[inside["wants_storm"] & inside["verified"]]
    return Run(
        alert,
        set(wanted[~wanted["opted_out"]]["phone"]) - {""},
        set(wanted["email"]) - {""},
        [*residents["phone"], *residents["email"], *residents["address"]],
        commands,
    )


def test_the_phones_and_inboxes_reached_are_exactly_those_of_sjoin(city: City, run: Run) -> None:
    everyone = set(run.addresses)
    phones = Counter(m["to"] for m in city.received("twilio") if m["to"] in everyone)
    inboxes = Counter(m["to"] for m in city.received("sendgrid") if m["to"] in everyone)
    assert len(run.expected_phones) > 50
    assert len(run.expected_emails) > 50
    assert phones == Counter(run.expected_phones)
    assert inboxes == Counter(run.expected_emails)


def test_every_delivery_is_in_a_final_state_and_the_states_add_up(city: City, run: Run) -> None:
    progress = city.progress(run.alert)
    assert progress.state == "sent"
    assert {state for state, count in progress.deliveries.items() if count} <= SETTLED
    assert sum(progress.deliveries.values()) == progress.audience.total
    assert progress.deliveries["delivered"] == len(run.expected_phones) + len(run.expected_emails)
    assert progress.deliveries["accepted"] == 2  # the posts: one in English, one in Spanish
    unexplained = city.sql(
        "SELECT count(*) FROM deliveries WHERE alert_id = :alert AND state = 'skipped' AND reason IS NULL",
        alert=run.alert,
    )
    assert unexplained[0][0] == 0
    assert progress.audience.skipped["opt-out"] > 0


def test_no_address_stands_in_a_log_a_queue_or_a_metric(city: City, run: Run) -> None:
    metrics = _get(f"{city.url}/metrics")
    said = {**city.logs(), "redis": "\n".join(run.redis_commands), "metrics": metrics}
    said = {name: text for name, text in said.items() if not name.startswith(("simulator", "migrate"))}
    assert any("send_batch" in command for command in run.redis_commands)
    assert sum(len(text) for text in said.values()) > 10_000
    private = {x for x in run.addresses if x} | {x.lstrip("+") for x in run.addresses if x.startswith("+")}
    words = re.compile(r"[+\w.%@-]+")
    for name, text in said.items():
        found = private & set(words.findall(text.replace("%2B", "+").replace("%40", "@")))
        assert not found, f"{name} holds {len(found)} addresses"
        assert not [a for a in private if " " in a and a in text], f"{name} holds a street address"


def test_the_api_the_command_and_the_console_show_the_same_numbers(city: City, run: Run) -> None:
    key = city.run("keys", "add", "same-numbers", "--as", APPROVER).stdout.strip()
    by_api = request(f"{city.url}/api/v1/alerts/{run.alert}", headers={"Authorization": f"Bearer {key}"})
    by_command = city.run_json("alert", "show", str(run.alert))
    page = _console_page(city, run.alert)
    for keyword in ("audience", "deliveries", "state", "area_hash", "first_sent_at", "last_sent_at"):
        assert by_api[keyword] == by_command[keyword], keyword
    shown = {int(n.replace(",", "")) for n in re.findall(r">\s*([\d,]+)\s*<", page)}
    numbers = [count for count in by_command["deliveries"].values() if count]
    numbers += [by_command["audience"]["total"], *by_command["audience"]["skipped"].values()]
    assert set(numbers) <= shown


def _residents() -> geopandas.GeoDataFrame:
    """People on the streets, half of them in and around the neighbourhood."""
    rng = np.random.default_rng(7)
    streets = geopandas.read_file(STREETS).to_crs(4326)
    zones = geopandas.read_file(ZONES)
    there = zones[zones[_name_field(zones)] == _zone_name()].geometry.iloc[0]
    near = streets[streets.intersects(there.buffer(0.004))]
    chosen = [*near.geometry.sample(RESIDENTS // 4, replace=True, random_state=1)]
    chosen += [*streets.geometry.sample(RESIDENTS - len(chosen), replace=True, random_state=2)]
    points = shapely.line_interpolate_point(np.array(chosen), rng.random(len(chosen)), normalized=True)
    n = len(points)
    people: dict[str, Any] = {
        "phone": [
            f"+1{202 + i // 8000}555{2000 + i % 8000:04}" if x < 0.7 else "" for i, x in enumerate(rng.random(n))
        ],
        "wants_storm": rng.random(n) < 0.8,
        "verified": rng.random(n) < 0.9,
        "opted_out": rng.random(n) < 0.01,
        "language": np.where(rng.random(n) < 0.2, "es", "en"),
        "address": [f"{1000 + i} Unfindable Street" for i in range(n)],
    }
    people["email"] = [
        f"phl{i}@example.org" if not phone or rng.random() < 0.4 else "" for i, phone in enumerate(people["phone"])
    ]
    frame = geopandas.GeoDataFrame(people, geometry=[Point(p.x, p.y) for p in points], crs=4326)
    frame["row"] = [
        f"{r.phone},{r.email},{r.language},{'storm snow' if r.wants_storm else 'snow'},"
        f"{r.geometry.x!r},{r.geometry.y!r},{r.address},home,{CONSENT if r.verified else ','}"
        for r in frame.itertuples()
    ]
    return frame


def _name_field(zones: geopandas.GeoDataFrame) -> str:
    return next(c for c in ("MAPNAME", "LISTNAME", "NAME", "name") if c in zones.columns)


def _zone_name() -> str:
    zones = geopandas.read_file(ZONES)
    names = zones[_name_field(zones)]
    return next(name for name in names if NEIGHBOURHOOD in name)


def _get(url: str, cookie: str = "") -> str:
    asked = urllib.request.Request(url, headers={"Cookie": cookie} if cookie else {})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return str(answer.read().decode())


def _console_page(city: City, alert: int) -> str:
    """The console page, as somebody sees it who is signed in."""
    return _get(f"{city.url}/console/alerts/{alert}", f"tocsin={city.session(APPROVER)}")


@contextmanager
def _watched_redis() -> Iterator[list[str]]:
    """Every command that Redis gets meanwhile: Celery's messages, tokens, all of it."""
    commands: list[str] = []
    client = redis.Redis.from_url(settings().require_redis())
    stop = threading.Event()
    with client.monitor() as monitor:

        def listen() -> None:
            for command in monitor.listen():
                commands.append(str(command["command"]))
                if stop.is_set():
                    return

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield commands
        finally:
            stop.set()
            client.ping()  # one more command, so that the listener wakes up and sees it
            listener.join(60)
    client.close()

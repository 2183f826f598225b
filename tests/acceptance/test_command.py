"""The `tocsin` command: what it prints, and how it says no."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.city import APPROVER, AUTHOR, COLUMNS, CONSENT, City

SQUARE = {"type": "Polygon", "coordinates": [[[90, 0], [90.1, 0], [90.1, 0.1], [90, 0.1], [90, 0]]]}


def refused(city: City, *arguments: str) -> str:
    done = city.run(*arguments)
    assert done.returncode == 2, done.stdout
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, "an error is one line"
    assert done.stderr.startswith("tocsin: ")
    return done.stderr


def test_the_whole_way_by_command(city: City, tmp_path: Path) -> None:
    zones = tmp_path / "zones.geojson"
    feature = {"type": "Feature", "properties": {"name": "Harbour Side"}, "geometry": SQUARE}
    zones.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert "1 new" in city.run("zones", "import", str(zones), "--kind", "custom", "--accept-warnings").stdout
    assert "1 as before" in city.run("zones", "import", str(zones), "--kind", "custom", "--accept-warnings").stdout
    residents = tmp_path / "residents.csv"
    rows = [
        f"+12015559001,,en,storm,90.05,0.05,,home,{CONSENT}",
        f"not a number,,en,storm,90.05,0.05,,home,{CONSENT}",
        f"+12015559002,,en,storm,90.05,0.05,,home,{CONSENT}",
        f"+12015559003,,en,earthquake,90.05,0.05,,home,{CONSENT}",
        f"+12015559004,,en,storm,490.05,0.05,,home,{CONSENT}",
        "+12015559005,,en,storm,90.05,0.05,,home,,",
    ]
    residents.write_text("\n".join([COLUMNS, *rows]) + "\n")
    imported = city.run_json("subscribers", "import", str(residents))
    assert (imported["rows"], imported["kept"], imported["bad_count"]) == (6, 3, 3)
    assert [bad["line"] for bad in imported["bad"]] == [3, 5, 6]
    new = ("alert", "new", "--event", "storm", "--zone", "Harbour Side", "--set", "hazard=wind", "--channels", "sms")
    alert = city.run(*new, "--as", AUTHOR).stdout.strip()
    assert city.run_json("alert", "audience", alert)["skipped"] == {"unverified": 1}
    assert "approved" in city.run("alert", "approve", alert, "--as", APPROVER).stdout
    shown = city.run_json("alert", "launch", alert, "--wait")
    assert shown["state"] == "sent"
    assert shown["audience"] == {"total": 3, "by_channel": {"sms": 2}, "skipped": {"unverified": 1}}
    assert sum(shown["deliveries"].values()) == 3
    assert {"id", "incident", "lane", "launched_at", "first_sent_at", "last_sent_at", "area_hash"} <= shown.keys()
    assert "Harbour Side" in city.run("alert", "report", alert).stdout
    assert set(city.texts(["+12015559001", "+12015559002", "+12015559005"])) == {"+12015559001", "+12015559002"}
    clear = city.run_json(
        "alert", "new", "--event", "storm", "--phase", "all-clear", "--incident", str(shown["incident"]),
        "--set", "hazard=wind", "--channels", "sms", "--as", AUTHOR,
    )  # fmt: skip
    assert clear["incident"] == shown["incident"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("alert", "show", "99999"), "no alert 99999"),
        (("alert", "launch", "99999"), "no alert 99999"),
        (("alert", "new", "--event", "storm", "--set", "hazard=wind", "--as", AUTHOR), "needs an area"),
        (("alert", "new", "--event", "storm", "--zone", "Nowhere", "--set", "hazard=wind", "--as", AUTHOR), "Nowhere"),
        (("alert", "new", "--event", "storm", "--zone", "X", "--as", "nobody@example.org"), "nobody@example.org"),
        (("alert", "new", "--event", "storm", "--zone", "X", "--expires", "soon", "--as", AUTHOR), "soon"),
        (("alert", "frobnicate"), "frobnicate"),
        (("zones", "import", "no-such-file.geojson", "--kind", "custom"), "no-such-file.geojson"),
        (("zones", "import", __file__, "--kind", "custom"), ".geojson"),
        (("zones", "show", "Nowhere"), "Nowhere"),
        (("subscribers", "import", "no-such-file.csv"), "no-such-file.csv"),
        (("senders", "set", "99999", "--rate", "5"), "no sender 99999"),
        (("senders", "add", "pigeon", "roof", "--rate", "1"), "pigeon"),
        (("operators", "add", "nobody", "--role", "admin"), "nobody"),
        (("operators", "add", "a@example.org", "--role", "king"), "king"),
        (("keys", "revoke", "no such key"), "no such key"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(city: City, arguments: tuple[str, ...], says: str) -> None:
    assert says in refused(city, *arguments)


def test_empty_and_broken_zone_files_change_nothing(city: City, tmp_path: Path) -> None:
    before = city.run_json("zones", "list")
    for name, content in (("empty", ""), ("broken", "{"), ("nothing", '{"type": "FeatureCollection", "features": []}')):
        file = tmp_path / f"{name}.geojson"
        file.write_text(content)
        refused(city, "zones", "import", str(file), "--kind", "custom")
    assert city.run_json("zones", "list") == before


def test_every_command_has_help(city: City) -> None:
    groups = {
        "": ["up", "demo", "migrate", "api", "worker", "scheduler", "simulator", "jobs"],
        "alert": ["new", "list", "show", "audience", "report", "approve", "launch", "pause", "resume", "cancel"],
        "zones": ["import", "list", "show"],
        "subscribers": ["import", "export", "count"],
        "senders": ["list", "add", "set"],
        "operators": ["add", "list"],
        "keys": ["add", "list", "revoke"],
    }
    for group, commands in groups.items():
        listing = city.run(*filter(None, [group]), "--help", data=False)
        assert listing.returncode == 0
        assert all(command in listing.stdout for command in commands)


def test_without_a_stack_a_command_says_how_to_start_one(city: City, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "notify.cli", "alert", "list", "--data", str(tmp_path / "none")],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "tocsin up" in done.stderr

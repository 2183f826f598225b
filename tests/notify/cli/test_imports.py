"""What a command imports: all commands together take seconds and 200 MB, which nobody waits for in an emergency.

Held by the modules that are imported and not by time, which depends on the machine.
"""

import json
import subprocess
import sys

import pytest
import typer.main

from notify.cli.root import HOMES, LIGHT, SHORT, _group

HEAVY = {
    "aiohttp", "alembic", "babel", "celery", "fastapi", "geopandas", "geopy", "kombu", "mapbox_vector_tile", "numpy",
    "pandas", "phonenumbers", "pyogrio", "pyproj", "requests", "sendgrid", "shapely", "twilio", "uvicorn",
}  # fmt: skip
RUN = """
import json, sys
from notify.cli import main
sys.argv = ["tocsin", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    code = end.code
print(json.dumps({"code": code, "modules": sorted({name.partition(".")[0] for name in sys.modules}
                  | {name for name in sys.modules if name.startswith("notify")})}), file=sys.stderr)
"""


def imported(*arguments: str) -> tuple[int, set[str], str]:
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, timeout=120, check=True
    )
    told = json.loads(done.stderr.splitlines()[-1])
    return told["code"], set(told["modules"]), done.stdout


def test_help_imports_no_command() -> None:
    code, modules, said = imported("--help")
    assert code == 0
    assert modules.isdisjoint(
        HEAVY | {"sqlalchemy", "psycopg", "redis", "cryptography", "pydantic", "structlog", "rich"}
    )
    assert all(name in said for name in HOMES)


@pytest.mark.parametrize("style", [(), ("--json",)], ids=["table", "json"])
def test_the_list_of_alerts_asks_postgresql_and_imports_little_else(database: str, style: tuple[str, ...]) -> None:
    code, modules, said = imported("alert", "list", *style)
    assert code == 0
    assert json.loads(said) == [] if style else said.startswith("id ")
    assert modules.isdisjoint(HEAVY | {"redis", "sqlalchemy", "structlog", "notify.core.db", "notify.models"})


@pytest.mark.parametrize("name", HOMES)
def test_the_short_help_is_that_of_the_command(name: str) -> None:
    group = _group(HOMES[name])
    words = (group.commands.get(name, group).help or "").replace("\n", " ")
    assert words.startswith(SHORT[name])


@pytest.mark.parametrize("name", LIGHT)
def test_a_light_command_is_listed_with_its_group(name: str) -> None:
    command = typer.main.get_command(__import__("notify.cli.root", fromlist=["root"]).root)
    group = command.get_command(None, name)  # type: ignore[attr-defined]
    assert {*LIGHT[name], *_group(HOMES[name]).commands} == set(group.list_commands(None))
    assert group.get_command(None, "no-such") is None


def test_a_process_of_the_stack_carries_no_other_ones_libraries() -> None:
    """`processes` is what each of them begins with."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys, notify.cli.processes; print(*sorted(sys.modules))"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    others = {"apscheduler", "notify.operations.scheduler", "notify.operations.tasks", "notify.training", "sqlalchemy"}
    assert set(done.stdout.split()).isdisjoint(HEAVY | others)

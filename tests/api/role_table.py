"""The table of `roles.txt`, and what it must cover: every route of the application and every command."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from api.openapi import Door
from notify.cli.root import HOMES, LIGHT, _group

FILE = Path(__file__).parent / "roles.txt"
ROLES = ("author", "approver", "agent", "admin", "reader", "nobody")
ANSWERS = {"yes", "no", "-"}
_ANSWERS = re.compile(rf"\s+((?:(?:yes|no|-)\s+){{{len(ROLES) - 1}}}(?:yes|no|-))(?:\s+\||\s*$)")


@dataclass(frozen=True, slots=True)
class Row:
    """What each role may do. `what` is `GET /console` or `tocsin alert new`; `ends` an outcome that counts as done."""

    line: int
    what: str
    may: dict[str, str]
    request: tuple[str, ...] = ()
    ends: str = ""

    @property
    def is_command(self) -> bool:
        return self.what.startswith("tocsin ")


def rows(text: str = "") -> list[Row]:
    lines = (text or FILE.read_text()).splitlines()
    return [_row(number, line) for number, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]


def _row(number: int, line: str) -> Row:
    found = _ANSWERS.search(line)
    assert found, f"roles.txt:{number}: expected {len(ROLES)} answers of {sorted(ANSWERS)}: {line}"
    request, _, ends = line[found.end() :].partition("=>")
    what = " ".join(line[: found.start()].split())
    may = dict(zip(ROLES, found[1].split(), strict=True))
    return Row(number, what, may, tuple(shlex.split(request)), ends.strip())


def routes(app: FastAPI) -> Iterator[str]:
    """The method and path of every route, also of routers in routers, mounts and webhooks."""
    for route in (*app.routes, *(app.hooks.routes if isinstance(app, Door) and app.hooks else ())):
        yield from _of(route)


def _of(route: Any, prefix: str = "") -> Iterator[str]:
    if hasattr(route, "original_router"):  # FastAPI keeps an included router as one route
        for one in route.original_router.routes:
            yield from _of(one, prefix + route.include_context.prefix)
    elif getattr(route, "methods", None):
        yield from (f"{method} {prefix}{route.path}" for method in sorted(route.methods) if method != "HEAD")
    elif getattr(route, "app", None) is not None and type(route).__name__ == "Mount":
        yield f"GET {prefix}{route.path}/{{path}}"
    else:
        yield f"POST {prefix}{route.path}"  # a webhook


def commands() -> Iterator[str]:
    for name, home in HOMES.items():
        group = _group(home)
        if name in group.commands:
            yield f"tocsin {name}"
        else:
            yield from (f"tocsin {name} {one}" for one in {**group.commands, **LIGHT.get(name, {})})


def faults(table: list[Row], existing: list[str]) -> list[str]:
    """A sentence for each route or command without a row, with the line to add, and for each row without a route."""
    known, there = {row.what for row in table}, set(existing)
    missing = [
        f"{what} has no row. Add to tests/api/{FILE.name}:\n    {_line(what)}" for what in existing if what not in known
    ]
    gone = [
        f"{FILE.name}:{row.line}: {row.what} does not exist. Remove the row." for row in table if row.what not in there
    ]
    return [*missing, *gone]


def _line(what: str) -> str:
    """A guess at the row, to be corrected by who adds the route."""
    looks = what.startswith("GET ") or what.endswith((" list", " show"))
    if what.startswith("tocsin "):
        answers = "yes yes yes yes yes yes" if looks else "no no no yes no no"
    elif any(place in what for place in ("/console", "/desk", "/api/")):
        reader = "yes" if looks and "/api/" in what else "no"
        answers = f"yes yes yes yes {reader} no" if looks else "yes yes no yes no no"
    else:
        answers = "yes yes yes yes yes yes"
    return row_of(what, answers)


def row_of(what: str, answers: str, rest: str = "") -> str:
    return (f"{what:<52} " + " ".join(f"{one:<8}" for one in answers.split()) + rest).rstrip()

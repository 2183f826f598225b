"""Ask one row of `roles.txt` as one role: a real request of the real application, or the command itself."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from click.testing import Result
from typer.testing import CliRunner

from notify.accounts import operators, roster, sessions
from notify.alerts import lifecycle, warn_requests
from notify.alerts.approving import sent_to
from notify.alerts.practice import drills
from notify.alerts.readiness import channel_policies
from notify.alerts.writing import working_start
from notify.cli.root import root
from notify.core import alarms
from notify.core.db import transaction
from notify.core.errors import NotAllowed, Refused, TocsinError
from notify.core.settings import settings
from notify.delivery import senders
from notify.models import Alert
from notify.subscribers import serving
from tests import factories
from tests.api import asked
from tests.api.role_table import Row

Maker = Callable[["World"], object]
PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass
class World:
    """A city in which everything can be asked for. A placeholder such as {draft} makes a new one, unless the last
    request of the same row left alone what it was given: it was refused, or only looked."""

    door: httpx.Client
    now: datetime
    keys: Mapping[str, str]  # role -> API key
    cookies: Mapping[str, httpx.Cookies]  # role -> session at the console
    folder: str
    me: str = ""
    made: int = field(default=0)
    row: Row | None = None
    untouched: list[str] = field(default_factory=list)  # values of its placeholders, in order
    _given: list[str] = field(default_factory=list)  # those of the present request

    def begin(self, row: Row) -> None:
        if row != self.row:
            self.row, self.untouched = row, []
        self._given = []

    def end(self, answer: str) -> None:
        looked = self.row is not None and self.row.what.startswith("GET ") and answer == "yes"
        self.untouched = self._given if looked or answer == "no" else []

    def fill(self, text: str) -> str:
        return PLACEHOLDER.sub(lambda found: self._value(found[1]) if found[1] in MAKERS else found[0], text)

    def _value(self, name: str) -> str:
        place = len(self._given)
        known = place < len(self.untouched) and name not in OF_WHO_ASKS
        value = self.untouched[place] if known else str(MAKERS[name](self))
        self._given.append(value)
        return value


def _alert(state: str, **draft: Any) -> Maker:
    def make(world: World) -> int:
        with transaction() as s:
            write = factories.alert_draft if state == "draft" else factories.alert_ready
            alert = write(s, now=world.now, **draft).id
            if state in {"sending", "paused"}:
                lifecycle.launch(s, alert, None, world.now)
            if state == "paused":
                lifecycle.pause(s, alert, None, world.now)
        return alert

    return make


def _alarm(world: World) -> int:
    world.made += 1
    with transaction() as s:
        sender = factories.sender(s, now=world.now).id
        alarms.sound(s, "sender-stopped", f"A sender is stopped ({world.made}).", world.now, sender_id=sender)
        ringing = alarms.ringing(s)
    return ringing[-1].id


def _resident(world: World) -> int:
    with transaction() as s:
        return factories.resident(s, now=world.now).id


def _place_check(world: World) -> int:
    with transaction() as s:
        return factories.place_check(s, "9 Nowhere Lane", now=world.now)


def _phone(world: World) -> str:
    with transaction() as s:
        return factories.resident(s, now=world.now).phone


def _blocked(world: World) -> str:
    """A phone that has opted out."""
    phone = _phone(world)
    with transaction() as s:
        serving.opt_out(s, phone, "a test", world.now, None)
    return phone


def _new(pattern: str) -> Maker:
    def make(world: World) -> str:
        world.made += 1
        return pattern.format(world.made)

    return make


def _operator(role: str, *, disabled: bool = False) -> Maker:
    def make(world: World) -> str:
        world.made += 1
        email = f"spare.{world.made}@tocsin.example.org"
        with transaction() as s:
            operators.add(s, email, role, world.now)
            if disabled:
                operators.disable(s, email, world.now)
        return email

    return make


def _incident(world: World) -> int:
    alert = _alert("draft")(world)
    return asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=alert)


def _request(world: World) -> int:
    with transaction() as s:
        wanted = warn_requests.Asked("Engine 4", "field", "Water rises", "Mill St", None, None, uuid4())
        return warn_requests.take(s, wanted, factories.operator(s), world.now).id


def _operator_id(world: World) -> int:
    email = _operator("author")(world)
    return asked.number("SELECT id FROM operators WHERE email = :email", email=email)


def _key(world: World) -> str:
    world.made += 1
    with transaction() as s:
        operators.add_key(s, f"spare {world.made}", world.now)
    return f"spare {world.made}"


def _sender(world: World) -> int:
    world.made += 1
    with transaction() as s:
        return senders.add(s, "twilio", f"+1555556{world.made:04}", 5, world.now).id


def _policy(world: World) -> int:
    with transaction() as s:
        by = factories.operator(s, "admin", now=world.now)
        for one in channel_policies.standing(s):
            channel_policies.end(s, one.id, by, world.now)
        wanted = channel_policies.Wanted("sms", "", "Nobody", "A test", "2099-01-01")
        return channel_policies.add(s, wanted, by, world.now).id


def _deputy(world: World) -> str:
    return "approver@tocsin.example.org" if world.me.startswith("admin") else "admin@tocsin.example.org"


def _hour(world: World, later_h: int) -> str:
    """A time on the city's clock, in another week at each request."""
    world.made += 1
    at = world.now + timedelta(weeks=1 + world.made // 2, hours=later_h)
    return at.astimezone(settings().tz).strftime("%Y-%m-%dT%H:%M")


def _duty(of_now: bool) -> Maker:
    def make(world: World) -> int:
        with transaction() as s:
            who, deputy = (factories.operator(s, role, now=world.now) for role in ("approver", "admin"))
            if not of_now:
                world.made += 1
                starts_at = world.now + timedelta(weeks=500 + world.made)
                ends_at = starts_at + timedelta(hours=8)
                return roster.plan(s, who.email, deputy.email, starts_at, ends_at, who, world.now).id
            present = roster.at(s, world.now).now
            return present.duty.id if present else roster.take_over(s, who, world.now, "", deputy.email).id

    return make


def _drill(world: World) -> int:
    """A storm drill, which somebody else started and which is over: the next one may start."""
    with transaction() as s:
        factories.scenario_zones(s, "storm", now=world.now)
        by = factories.operator(s, "admin", "trainer@tocsin.example.org", now=world.now)
        drill = drills.start(s, "storm", by, world.now, uuid4())
        drills.end(s, drill.id, by, world.now)
    return drill.id


def _spare_zone(world: World) -> int:
    world.made += 1
    with transaction() as s:
        return factories.zone(s, f"Spare {world.made}", factories.square(2, 2), now=world.now).id


def _working_draft(world: World) -> int:
    with transaction() as s:
        return working_start.start(s, "storm", "issue", factories.operator(s, "author", now=world.now), world.now).id


def _warning(world: World) -> int:
    with transaction() as s:
        return factories.outside_warning(s, factories.square(0, 0), now=world.now)


def _session(world: World) -> int:
    """Another session of whoever asks."""
    with transaction() as s:
        sessions.begin(s, operators.find(s, world.me), "password", "a test", world.now)
    return asked.number("SELECT max(id) FROM sessions")


def _messages(world: World) -> int:
    """How many the newest alert would send, which whoever approves an emergency types."""
    with transaction() as s:
        alert = s.get_one(Alert, asked.number("SELECT max(id) FROM alerts"))
        return sent_to.contacts(s, alert, world.now)


def _number(question: str) -> Maker:
    return lambda _world: asked.number(question)


# What the braces of a path or a request stand for, by their names.
MAKERS: dict[str, Maker] = {
    "incident_id": _incident,
    "request_id": _request,
    "drill_id": _drill,
    "uuid": lambda _world: uuid4(),
    "day": lambda world: (world.now + timedelta(days=3)).date().isoformat(),
    "me": lambda world: world.me,
    "folder": lambda world: world.folder,
    "alert_id": _alert("draft"),
    "draft": _alert("draft"),
    "approved": _alert("approved"),
    "sending": _alert("sending"),
    "paused": _alert("paused"),
    "hash": lambda _world: asked.rows("SELECT area_hash FROM alerts ORDER BY id DESC LIMIT 1")[0].area_hash,
    "alarm_id": _alarm,
    "resident_id": _resident,
    "place_check": _place_check,
    "phone": _phone,
    "blocked": _blocked,
    "new_phone": _new("+1202555{:04}"),
    "new_email": _new("new.{}@tocsin.example.org"),
    "new_name": _new("name {}"),
    "operator": _operator("author"),
    "disabled": _operator("author", disabled=True),
    "operator_id": _operator_id,
    "key": _key,
    "sender_id": _sender,
    "deputy": _deputy,
    "policy_id": _policy,
    "from": lambda world: _hour(world, 0),
    "until": lambda world: _hour(world, 8),
    "duty": _duty(of_now=True),
    "duty_id": _duty(of_now=False),
    "zone_id": _number("SELECT min(id) FROM zones"),
    "spare_zone": _spare_zone,
    "draft_id": _working_draft,
    "warning_id": _warning,
    "messages": _messages,
    "z": lambda _world: 8,
    "x": lambda _world: 0,
    "y": lambda _world: 0,
    "path": lambda _world: "tocsin.css",
    "tag": lambda _world: "none",
    "session_id": _session,
    "delivery_id": lambda _world: 1,
}
OF_WHO_ASKS = {"me", "deputy", "session_id"}  # others for the next role


def ask(world: World, row: Row, role: str) -> str:
    """`yes`, `no`, or what went wrong instead."""
    world.me = f"{role if role in world.cookies else 'admin'}@tocsin.example.org"
    world.begin(row)
    answer = _command(world, row, role) if row.is_command else _request(world, row, role)
    world.end(answer)
    return answer


def _request(world: World, row: Row, role: str) -> str:
    method, _, path = row.what.partition(" ")
    path, given = _filled(world, row, path)
    is_console = path.startswith(("/console", "/desk")) and role in world.cookies
    headers = {"Origin": str(world.door.base_url).rstrip("/"), "Accept": "*/*"}
    if role in world.keys and not is_console:
        headers["Authorization"] = f"Bearer {world.keys[role]}"
    world.door.cookies.clear()
    if is_console:
        world.door.cookies.update(world.cookies[role])
    before = _acts()
    with world.door.stream(method, path, headers=headers, **given) as answer:
        endless = "event-stream" in answer.headers.get("content-type", "")
        said = "" if endless else answer.read().decode(errors="replace")
    world.door.cookies.clear()
    status, to = answer.status_code, answer.headers.get("location", "")
    if str(status) == row.ends:
        return "yes"
    if status in {401, 403} or (to.partition("?")[0] == "/console/sign-in" and "sign-out" not in path):
        is_stranger = role not in world.cookies
        return _refused(before) if is_stranger or status == 403 else f"{status} {to}"
    return "yes" if status < 400 or status == 409 else f"{status} {said[:300]}"


def _filled(world: World, row: Row, path: str) -> tuple[str, dict[str, Any]]:
    """The path, and the rest of the request for httpx."""
    given: dict[str, Any] = {}
    params: dict[str, str] = {}
    for word in row.request:
        name, _, value = word.partition("=")
        if name == "json":
            given["json"] = json.loads(world.fill(value))
        elif name.startswith("{"):
            params[name.strip("{}")] = value
        elif name.startswith("?"):
            given.setdefault("params", {})[name[1:]] = world.fill(value)
        elif name.startswith("@"):
            file = Path(world.fill(value))
            given.setdefault("files", {})[name[1:]] = (file.name, file.read_bytes())
        else:
            given.setdefault("data", {})[name] = value
    path = re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: params.get(found[1], f"{{{found[1]}}}"), path)
    path = world.fill(path)  # before the form, whose {hash} is that of the alert in the path
    if "data" in given:
        given["data"] = {name: world.fill(value) for name, value in given["data"].items()}
    return path, given


def _command(world: World, row: Row, role: str) -> str:
    words = [world.fill(word) for word in row.request]
    env = {"TOCSIN_OPERATOR_KEY": world.keys.get(role, "")}
    before = _acts()
    done: Result = CliRunner().invoke(root, [*row.what.split()[1:], *words], input="+15555570000\n", env=env)
    error = done.exception
    if isinstance(error, NotAllowed):
        return _refused(before)
    if error is None or isinstance(error, Refused) or type(error).__name__ == row.ends:
        return "yes"
    if isinstance(error, SystemExit) and error.code == 1:
        return "yes"
    return f"{type(error).__name__} {error if isinstance(error, TocsinError) else done.output[-300:]}"


def _acts() -> int:
    """Acts in the audit, without the counts of an audience on a page that says why something was refused."""
    return asked.number("SELECT count(*) FROM audit WHERE action <> 'count'")


def _refused(acts_before: int) -> str:
    """What is refused must not have happened."""
    return "no" if _acts() == acts_before else "refused, but the audit says that it was done"

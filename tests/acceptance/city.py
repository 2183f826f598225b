"""A whole stack for acceptance tests: real processes, and what a tester does with them."""

import json
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from shapely.geometry import Polygon, box
from sqlalchemy import text

from notify import subscribers
from notify.accounts import operators, sessions
from notify.alerts import lifecycle
from notify.alerts.reporting import reports
from notify.alerts.reporting.reports import Progress
from notify.alerts.writing import drafting
from notify.city import zones as city_zones
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import senders
from notify.local.stack import Stack
from notify.operations import tasks
from tests.acceptance.commands import run_command
from tests.waiting import until

AUTHOR, APPROVER = "author@acceptance.example.org", "approver@acceptance.example.org"
COLUMNS = "phone,email,language,topics,lon,lat,address,label,consent_at,consent_how"
CONSENT = "2026-01-02T10:00:00+00:00,web form"
# No receipts: nobody but a provider that is asked can tell that it has a message after all.
SILENT: dict[str, Any] = {"callbacks": {"enabled": False}}

_numbers = count(1)
_blocks = count()


@dataclass(frozen=True)
class Block:
    """A zone of its own with residents of its own, all of whom want storm alerts."""

    zone: str
    shape: Polygon
    phones: tuple[str, ...]
    emails: tuple[str, ...]


class City:
    """A running stack with two operators and a sender on each channel."""

    def __init__(self, stack: Stack, staffed: bool = False) -> None:
        """`staffed`: its operators and senders are in the database already."""
        self.stack = stack
        self.url = stack.info.url
        self.simulator = stack.info.simulator_url
        self._received: list[dict[str, Any]] = []
        if staffed:
            return
        with transaction() as s:
            operators.add(s, AUTHOR, "author", datetime.now(UTC))
            operators.add(s, APPROVER, "admin", datetime.now(UTC))
            for provider, address, rate in (
                ("twilio", "+15555550100", 100.0),
                ("sendgrid", "alerts@acceptance.example.org", 500.0),
                ("mastodon", "city", 5.0),
            ):
                senders.add(s, provider, address, rate, datetime.now(UTC))

    def block(self, phones: int = 0, emails: int = 0, topics: str = "storm") -> Block:
        """A new zone far from all others, with residents who each have one contact."""
        west, south = 10.0 + next(_blocks) * 0.1, 45.0
        shape = box(west, south, west + 0.05, south + 0.05)
        people = [(f"+1201555{1000 + next(_numbers):04}", "") for _ in range(phones)]
        people += [("", f"resident{next(_numbers)}@example.org") for _ in range(emails)]
        self.import_rows(
            f"{phone},{email},en,{topics},{west + 0.02},{south + 0.02},,home,{CONSENT}" for phone, email in people
        )
        zone = f"Block {west:.1f}"
        self.keep_zone(zone, shape)
        return Block(zone, shape, tuple(p for p, _ in people if p), tuple(e for _, e in people if e))

    def keep_zone(self, name: str, shape: Polygon) -> None:
        with transaction() as s:
            city_zones.keep(s, "custom", [_Shape(name, None, shape)], "acceptance test", datetime.now(UTC))

    def import_rows(self, rows: Any) -> Any:
        report = subscribers.import_csv([f"{line}\n" for line in (COLUMNS, *rows)], datetime.now(UTC), outside=True)
        assert not report.bad, report.bad[:3]
        return report

    def approved(
        self, zone: str, *, channels: Sequence[str] = ("sms",), event: str = "storm", lasts_s: float = 7200, **more: Any
    ) -> int:
        """A storm alert to a zone, written by one operator and approved by the other, an hour ago.

        `lasts_s`: until it expires, from now on.
        """
        written_at = datetime.now(UTC) - timedelta(hours=1)
        blanks = more.pop("blanks", {"hazard": "thunderstorm"})
        wanted = drafting.Draft(
            event=event,
            zones=more.pop("zones", (zone,) if zone else ()),
            blanks=blanks,
            channels=channels,
            expires_at=datetime.now(UTC) + timedelta(seconds=lasts_s),
            **more,
        )
        with transaction() as s:
            alert = drafting.draft(s, wanted, operators.find(s, AUTHOR), written_at, settings())
            lifecycle.approve(s, alert.id, operators.find(s, APPROVER), written_at, settings())
        return alert.id

    def session(self, email: str) -> str:
        """The cookie of somebody who has just signed in to the console."""
        now = datetime.now(UTC)
        with transaction() as s:
            return sessions.begin(s, operators.find(s, email), "password", "a test", now)

    def launch(self, alert_id: int) -> int:
        with transaction() as s:
            alert = lifecycle.launch(s, alert_id, operators.find(s, APPROVER), datetime.now(UTC))
        tasks.ring_alert(alert)
        return alert_id

    def sending(self, people: int, per_s: int, out: int) -> tuple[Block, int]:
        """A storm alert by text to so many, so many a second, in mid-send: `out` of them are out."""
        block = self.block(phones=people)
        alert = self.approved(block.zone)
        words = "SELECT cost FROM contents WHERE alert_id = :a AND channel = 'sms' AND language = 'en'"
        self.rate("sms", per_s * self.sql(words, a=alert)[0].cost)
        self.launch(alert)
        until(lambda: len(self.texts(block.phones)) >= out, 60, "messages are going out")
        return block, alert

    def cancel(self, alert_id: int) -> None:
        with transaction() as s:
            lifecycle.cancel(s, alert_id, operators.find(s, APPROVER), datetime.now(UTC))

    def progress(self, alert_id: int) -> Progress:
        with transaction() as s:
            return reports.progress(s, alert_id)

    def until_over(self, alert_id: int, within_s: float = 120) -> Progress:
        def over() -> Progress | None:
            now = self.progress(alert_id)
            return now if now.ended else None

        return _found(until(over, within_s, f"alert {alert_id} over"))

    def until_delivered(self, alert_id: int, within_s: float = 120) -> Progress:
        """Over, and every receipt is in: no delivery is accepted only, besides posts, which get no receipts."""

        def settled() -> Progress | None:
            now = self.progress(alert_id)
            by_channel = now.channels_by_state
            waiting = sum(states.get("accepted", 0) for channel, states in by_channel.items() if channel != "social")
            return now if now.ended and not waiting else None

        return _found(until(settled, within_s, f"alert {alert_id} delivered"))

    def rate(self, channel: str, per_s: float) -> None:
        with transaction() as s:
            for sender in senders.all_senders(s):
                if sender.channel == channel:
                    senders.change(s, sender.id, datetime.now(UTC), rate_per_s=per_s, status="open")

    def sql(self, statement: str, **values: Any) -> list[Any]:
        with transaction() as s:
            result = s.execute(text(statement), values)
            return list(result) if result.returns_rows else []

    def behave(self, **behaviour: Mapping[str, Any]) -> None:
        """What the simulator does from now on."""
        self.sim("/_sim/behaviour", behaviour, method="PUT")

    def received(self, provider: str | None = None) -> list[dict[str, Any]]:
        """Everything that the simulator has accepted, in order. What was seen before is not fetched again."""
        last = self._received[-1]["order"] if self._received else 0
        self._received += self.sim(f"/_sim/messages?after={last}")
        return [message for message in self._received if provider in (None, message["provider"])]

    def arrivals(self, numbers: Sequence[str]) -> dict[str, float]:
        """When the text to each of these numbers arrived at the simulator, in seconds of the epoch."""
        wanted = set(numbers)
        return {m["to"]: m["received_at"] for m in self.received("twilio") if m["to"] in wanted}

    def texts(self, numbers: Sequence[str]) -> list[str]:
        """The numbers of these that got a message, once for each message."""
        wanted = set(numbers)
        return [m["to"] for m in self.received("twilio") if m["to"] in wanted]

    def mails(self, addresses: Sequence[str]) -> list[str]:
        wanted = set(addresses)
        return [m["to"] for m in self.received("sendgrid") if m["to"] in wanted]

    def forms(self) -> list[tuple[float, dict[str, str]]]:
        """Every request to the SMS provider: when it came (seconds of the epoch), and its form."""
        seen = self.sim("/_sim/requests?provider=twilio&limit=100000")
        return [(r["received_at"], dict(parse_qsl(r["body"]))) for r in seen]

    def posted(self, numbers: Sequence[str]) -> dict[str, float]:
        """When the last request to text each of these numbers came, before the provider took its time with it."""
        wanted = set(numbers)
        return {to: at for at, form in self.forms() if (to := form.get("To")) in wanted}

    def asked_about(self, numbers: Sequence[str]) -> set[str]:
        """The numbers of these about which somebody asked the SMS provider what it has."""
        seen = self.sim("/_sim/requests?provider=twilio&limit=100000")
        return {dict(parse_qsl(r["query"])).get("To", "") for r in seen if r["method"] == "GET"} & set(numbers)

    def reached_once(self, block: Block, progress: Progress) -> None:
        """Nobody was missed, nobody was written to twice, and the report accounts for everybody."""
        assert Counter(self.texts(block.phones)) == Counter(block.phones)
        assert Counter(self.mails(block.emails)) == Counter(block.emails)
        counts = progress.deliveries
        assert sum(counts.values()) == progress.audience.total == len(block.phones) + len(block.emails)
        assert not any(counts[state] for state in ("queued", "sending", "unknown", "failed"))

    def until_back(self, name: str, after: int | None) -> None:
        """Until another process than `after` (a pid) is there under this name."""
        until(lambda: self.stack.pid(name) not in (None, after), 60, f"{name} runs again")

    def sim(self, path: str, body: Any = None, method: str = "") -> Any:
        return request(f"{self.simulator}{path}", body, method=method)

    def run(self, *arguments: str, data: bool = True) -> subprocess.CompletedProcess[str]:
        """The `tocsin` command against this stack, in a process of its own."""
        return run_command(*arguments, *(["--data", str(self.stack.data)] if data else []))

    def run_json(self, *arguments: str) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def logs(self) -> dict[str, str]:
        return {path.name: path.read_text(errors="replace") for path in (self.stack.data / "logs").glob("*.log")}


def request(url: str, body: Any = None, method: str = "", headers: Mapping[str, str] | None = None) -> Any:
    """JSON in, JSON out, on loopback."""
    data = None if body is None else json.dumps(body).encode()
    made = urllib.request.Request(url, data=data, method=method or ("POST" if data else "GET"))
    made.add_header("Content-Type", "application/json")
    for name, value in (headers or {}).items():
        made.add_header(name, value)
    with urllib.request.urlopen(made, timeout=60) as answer:
        text_ = answer.read().decode()
    return json.loads(text_) if text_ else None


def _found(progress: Progress | None) -> Progress:
    assert progress is not None
    return progress


@dataclass(frozen=True)
class _Shape:
    name: str
    external_id: str | None
    geometry: Polygon


SHARED = Path(__file__).parents[2].parent / "shared" / "data"

"""`rotation`: replace the secret key of a city of a million while an alert is being sent, and kill it twice."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from sqlalchemy import text

from notify.core import crypto, db, keyring, points
from notify.core.db import transaction
from notify.core.errors import Unavailable
from notify.models import Lane
from notify.subscribers.homes import SEALED_ADDRESS
from tests.bench import million
from tests.bench.figures import STAND_IN, Figure, Goal
from tests.bench.installation import SETTINGS, Installation, installation
from tests.bench.people import phone
from tests.bench.size import Size

CITY = {Size.SMOKE: 5_000, Size.USUAL: 1_000_000, Size.FULL: 1_000_000}
SENT = {Size.SMOKE: 200, Size.USUAL: 10_000, Size.FULL: 20_000}  # to whom each alert goes
KILLED_AT = (1 / 3, 2 / 3)  # of the contacts
MOST_S = 600.0
NEW = "c" * 64


def rotation(size: Size) -> Iterator[Figure]:
    """Rotate the key of all contacts, places and opt-outs, with SIGKILL at a third and at two thirds of the contacts.
    Alerts are sent one after another before and meanwhile."""
    residents = CITY[size]
    with installation() as city:
        city.sender("sms", 100_000.0)
        first, _ = million.furnish(city, residents)
        few = city.settle(SENT[size], "sms")
        both = {"TOCSIN_SECRET_KEY": NEW, "TOCSIN_PREVIOUS_SECRET_KEY": SETTINGS["TOCSIN_SECRET_KEY"]}
        with city.settings(**both):
            city.start("scheduler", "scheduler", kind="scheduler")
            city.start_workers(Lane.EMERGENCY, 1)
            sending = _Sending(city, few)
            sending.once()  # warms connections and caches
            alone_s = [sending.once() for _ in range(3)]
            with city.measured() as cpu_s, sending:
                told, took_s = _rotate(residents)
        sent, wanted = len(city.arrivals()), SENT[size] * sending.alerts
        with city.settings(TOCSIN_SECRET_KEY=NEW, TOCSIN_PREVIOUS_SECRET_KEY=""):
            lost = _lost(first, residents)
        ours = {kind: spent for kind, spent in cpu_s.items() if kind != STAND_IN}
        yield Figure(
            f"rotation of {residents:,} contacts and as many places", sum(told["rows"].values()), sum(took_s), ours,
            goals=(
                Goal("three runs together, s", sum(took_s), MOST_S),
                Goal("contacts and places that the new key alone does not read or find", lost, 0),
                Goal("messages lost or sent twice", abs(sent - wanted), 0),
            ),
            notes={
                "runs, s": [round(one, 1) for one in took_s], "locks held, s": told["locked_s"],
                "an alert alone, s": round(median(alone_s), 2),
                "meanwhile, s: median, longest": [round(f(sending.took_s), 2) for f in (median, max)],
                "rate, meanwhile / alone": round(median(alone_s) / median(sending.took_s), 2),
                "alerts meanwhile": len(sending.took_s),
            },
        )  # fmt: skip


@dataclass
class _Sending:
    """Sends alerts one after another within its block."""

    city: Installation
    area: object
    alerts: int = 0
    took_s: list[float] = field(default_factory=list)

    def once(self) -> float:
        alert = self.city.approved(self.area, "sms")  # type: ignore[arg-type]
        began = self.city.launch(alert)
        self.city.until_sent(alert, 300)
        self.alerts += 1
        return time.monotonic() - began

    def __enter__(self) -> None:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._go_on)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._over.is_set():
            self.took_s.append(self.once())


def _rotate(residents: int) -> tuple[dict[str, object], list[float]]:
    """Run the command, kill it, and run it again until it is done. Return its report, and the seconds of each run."""
    took_s = []
    for share in (*KILLED_AT, None):
        began = time.monotonic()
        command = (sys.executable, "-m", "notify.cli", "keys", "rotate", "--json")
        run = subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ))
        if share is not None:
            while run.poll() is None and _converted() < share * residents:
                time.sleep(0.05)
            run.kill()
        out, _ = run.communicate()
        took_s.append(time.monotonic() - began)
    assert run.returncode == 0, out
    report: dict[str, object] = json.loads(out)
    return report, took_s


def _converted() -> int:
    """Return how many contacts have their values for the new key."""
    with transaction() as s:
        has = "SELECT EXISTS (SELECT FROM information_schema.columns WHERE column_name = 'next_address_index')"
        if not s.execute(text(has)).scalar_one():
            return 0
        found: int = s.execute(text(_CONVERTED)).scalar_one()
    return found


_CONVERTED = """
    SELECT coalesce((SELECT min(id) FROM contacts WHERE next_address_index IS NULL), max(id)) - min(id) FROM contacts
"""


def _lost(first: int, residents: int) -> int:
    """Return how many contacts and places of the furnished residents this process does not read, or not find."""
    lost = 0
    with transaction() as s:
        keyring.verify(s)
        cursor = db.raw(s).cursor("contacts", binary=True)
        cursor.execute(
            """SELECT c.subscriber_id, c.channel, c.address_index, c.address_sealed, p.address_sealed
                 FROM contacts c JOIN places p USING (subscriber_id) WHERE c.subscriber_id < %s""",
            [first + residents],
        )
        seen = 0
        for resident, channel, index, sealed, street in cursor:
            seen += 1
            try:
                address = crypto.unseal(sealed, channel)
                crypto.unseal(street, SEALED_ADDRESS)
            except Unavailable:
                lost += 1
                continue
            lost += address != phone(resident) or crypto.address_index(channel, address) != index
        rows = (
            db.raw(s)
            .cursor(binary=True)
            .execute("SELECT subscriber_id, point_sealed, cell_index FROM places")
            .fetchall()
        )
    owners, sealed_points, cells = zip(*rows, strict=True)
    sound = points.are_sound(np.array(owners), points.blocks(sealed_points), cells)
    return lost + abs(residents - seen) + int((~sound).sum())

"""The secret key is replaced in mid-send, the rotation killed in the middle, and nobody notices."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import text

from notify.core import crypto, keyring
from notify.core.db import transaction
from notify.local.stack import Stack
from tests.acceptance.city import City
from tests.acceptance.conftest import SETTINGS, forget
from tests.bench import people
from tests.waiting import until

NEW = "the key that comes after the first one"
PEOPLE = 1_200


@contextmanager
def stack(data: Path, monkeypatch: pytest.MonkeyPatch, **settings: str) -> Iterator[Stack]:
    """Another one than all other tests have."""
    for name in [name for name in os.environ if name.startswith("TOCSIN_")]:
        monkeypatch.delenv(name)
    for name, value in (SETTINGS | settings).items():
        monkeypatch.setenv(name, value)
    with Stack(data, port=0, workers=1, demo=True) as running:
        for name, value in running.settings.items():
            monkeypatch.setenv(name, value)
        forget()
        try:
            yield running
        finally:
            forget()


def rotate() -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "notify.cli", "keys", "rotate"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stop(city: City, phone: str) -> None:
    before = city.sql("SELECT count(*) AS n FROM suppressions")[0].n
    city.sim(f"/_sim/phones/{quote(phone)}/reply", {"text": "STOP", "to": "+15555550100"})
    until(lambda: city.sql("SELECT count(*) AS n FROM suppressions")[0].n > before, 60, "the reply has arrived")


@pytest.mark.long
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("others", [0, 50_000])
def test_a_key_is_replaced_in_mid_send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: int) -> None:
    """`others`: how many residents there are besides those who are written to."""
    with stack(tmp_path, monkeypatch) as first:
        old = first.settings["TOCSIN_SECRET_KEY"]
        City(first)
    with stack(tmp_path, monkeypatch, TOCSIN_SECRET_KEY=NEW, TOCSIN_PREVIOUS_SECRET_KEY=old) as second:
        city = City(second, staffed=True)
        if others:
            with transaction() as s:
                keyring.hold(s)  # whose key is in force, not only known
            people.settle(1, others, "email", west=30.0, inside=others, newest=False)
        block, alert = city.sending(PEOPLE, per_s=4, out=8)  # for minutes, however long a rotation takes
        leavers = block.phones[-3:]
        stored = city.sql(STORED)
        rotation = rotate()
        with held(others == 0):  # a small one would be over; so held, it comes as far as the switch
            try:
                columns = "SELECT 1 FROM pg_attribute WHERE attname = 'next_address_index'"
                filled = f"SELECT 1 FROM contacts WHERE next_address_index IS NOT NULL OFFSET {others // 3} LIMIT 1"
                until(lambda: city.sql(columns) and city.sql(filled), 300, "contacts are written for the new key")
                stop(city, leavers[0])
            finally:
                rotation.send_signal(signal.SIGKILL)
                rotation.communicate()
        assert (rotation.returncode, city.sql(STORED)) == (-signal.SIGKILL, stored), (
            "nothing lost, the old key in force"
        )
        out = len(city.texts(block.phones))
        stop(city, leavers[1])
        done = rotate()
        told, complaint = done.communicate(timeout=600)
        assert (done.returncode, complaint) == (0, "")
        assert f"The new key is in force. {tmp_path / 'secrets.json'} has it now" in told
        assert city.sql("SELECT fingerprint FROM key_ring")[0].fingerprint == crypto.fingerprint(NEW.encode())
        assert city.sql(STORED) == stored
        everybody_is_found_by_their_address(city)
        assert len(city.texts(block.phones)) > out, "messages go out meanwhile"
        assert not set(leavers) & set(city.texts(block.phones)), "still in mid-send"
        stop(city, leavers[2])
        city.rate("sms", 2_000)
        progress = city.until_delivered(alert)
        assert Counter(city.texts(block.phones)) == Counter(block.phones[:-3])
        assert progress.reasons["skipped"] == {"opt-out": 3}
        assert progress.deliveries["delivered"] == PEOPLE - 3
    with stack(tmp_path, monkeypatch) as third:  # as the message says, with neither key in the environment
        assert third.settings["TOCSIN_SECRET_KEY"] == NEW
        assert "TOCSIN_PREVIOUS_SECRET_KEY" not in third.settings
        city = City(third, staffed=True)
        again = city.until_delivered(city.launch(city.approved(block.zone)))
        assert again.reasons["skipped"] == {"opt-out": 3}
        assert again.deliveries["delivered"] == PEOPLE - 3


STORED = """
    SELECT (SELECT count(*) FROM contacts) AS contacts, (SELECT count(DISTINCT address_index) FROM contacts) AS indexes,
           (SELECT count(*) FROM places) AS places
"""


@contextmanager
def held(really: bool) -> Iterator[None]:
    """Keep the key that is in force."""
    if not really:
        yield
        return
    with transaction() as s:
        keyring.hold(s)
        yield


def everybody_is_found_by_their_address(city: City) -> None:
    """Some of them are looked at, and at least a thousand. That no index is there twice is known (`STORED`)."""
    forget()
    with transaction() as s:
        keyring.hold(s)
        some = s.execute(
            text("""SELECT channel, address_index, address_sealed FROM contacts WHERE address_sealed IS NOT NULL
                       AND (id % 37 = 7 OR (SELECT count(*) < 10000 FROM contacts))""")
        ).all()
        assert len(some) >= 1_000
        assert all(crypto.address_index(c, crypto.unseal(sealed, c)) == index for c, index, sealed in some)

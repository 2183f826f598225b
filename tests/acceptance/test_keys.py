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

from notify.core import crypto, keyring
from notify.core.db import transaction
from notify.local.stack import Stack
from tests.acceptance.city import City
from tests.acceptance.conftest import SETTINGS, forget
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
@pytest.mark.timeout(900)
def test_a_key_is_replaced_in_mid_send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with stack(tmp_path, monkeypatch) as first:
        old = first.settings["TOCSIN_SECRET_KEY"]
        City(first)
    with stack(tmp_path, monkeypatch, TOCSIN_SECRET_KEY=NEW, TOCSIN_PREVIOUS_SECRET_KEY=old) as second:
        city = City(second, staffed=True)
        block, alert = city.sending(PEOPLE, per_s=4, out=8)  # for minutes, however long a rotation takes
        leavers = block.phones[-3:]
        with transaction() as s:  # the rotation comes as far as the switch, and is killed there
            keyring.hold(s)
            rotation = rotate()
            try:
                columns = "SELECT 1 FROM pg_attribute WHERE attname = 'next_address_index'"
                filled = "SELECT 1 FROM contacts WHERE next_address_index IS NOT NULL LIMIT 1"
                until(lambda: city.sql(columns) and city.sql(filled), 60, "contacts are written for the new key")
                stop(city, leavers[0])
            finally:
                rotation.send_signal(signal.SIGKILL)
                rotation.communicate()
        stop(city, leavers[1])
        done = rotate()
        told, complaint = done.communicate(timeout=120)
        assert (done.returncode, complaint) == (0, "")
        assert f"The new key is in force. {tmp_path / 'secrets.json'} has it now" in told
        assert city.sql("SELECT fingerprint FROM key_ring")[0].fingerprint == crypto.fingerprint(NEW.encode())
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

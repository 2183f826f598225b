"""A whole alert leaves a city through its proxy, which loses answers, and reaches everybody once."""

import asyncio
import base64
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from notify.local import ports
from notify.local.stack import Stack
from tests import certificates
from tests.acceptance.city import SILENT, City
from tests.acceptance.conftest import SETTINGS, forget
from tests.connect_proxy import ConnectProxy, tls_front
from tests.notify.simulators import simulator_process as simulated

SMS, MAIL = "sms.provider.example", "mail.provider.example"


@contextmanager
def proxy_to(port: int, file: Path) -> Iterator[tuple[ConnectProxy, int]]:
    """A proxy that leads both names to TLS before this port, and the port of that, in a thread of their own."""
    proxy = ConnectProxy({SMS: "127.0.0.1", MAIL: "127.0.0.1"})
    loop, started, ended = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    ports: list[int] = []

    async def serve() -> None:
        async with proxy.running(), tls_front(certificates.served_by(file), port) as front:
            ports.append(front)
            started.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert started.wait(60)
        yield proxy, ports[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


@contextmanager
def behind_a_proxy(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[City, ConnectProxy]]:
    """A city whose providers have names that only its proxy knows."""
    port = ports.free()
    hooks = simulated.Hooks(f"http://127.0.0.1:{port}/hooks/sendgrid")
    file = certificates.certificate(folder, [SMS, MAIL])
    public = simulated.PEM_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with simulated.run_simulator(hooks) as simulator, proxy_to(simulator.base_url.port or 0, file) as (proxy, front):
        for name in [name for name in os.environ if name.startswith("TOCSIN_")]:
            monkeypatch.delenv(name)
        ours = {
            "TOCSIN_TWILIO_BASE_URL": f"https://{SMS}:{front}",
            "TOCSIN_TWILIO_ACCOUNT_SID": simulated.SID,
            "TOCSIN_TWILIO_AUTH_TOKEN": simulated.TOKEN,
            "TOCSIN_SENDGRID_BASE_URL": f"https://{MAIL}:{front}",
            "TOCSIN_SENDGRID_API_KEY": simulated.KEY,
            "TOCSIN_SENDGRID_WEBHOOK_PUBLIC_KEY": base64.b64encode(public).decode(),
            "TOCSIN_MASTODON_BASE_URL": str(simulator.base_url),
            "TOCSIN_MASTODON_ACCESS_TOKEN": simulated.POSTER,
            "TOCSIN_OUTBOUND_PROXY": proxy.url,
            "TOCSIN_OUTBOUND_CA_FILE": str(file),
        }
        for name, value in (SETTINGS | ours).items():
            monkeypatch.setenv(name, value)
        with Stack(folder / "data", port=port, workers=1) as stack:
            for name, value in stack.settings.items():
                monkeypatch.setenv(name, value)
            forget()
            city = City(stack)
            city.simulator = str(simulator.base_url).rstrip("/")
            try:
                yield city, proxy
            finally:
                forget()


@pytest.mark.long
def test_an_alert_through_a_proxy_that_loses_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts arrive whose answers are lost, and no receipt tells: Twilio is asked, through the proxy as well."""
    with behind_a_proxy(tmp_path, monkeypatch) as (city, proxy):
        block = city.block(phones=40, emails=30)
        city.behave(twilio=SILENT)
        lost = 5
        proxy.loses[SMS] = lost
        alert = city.launch(city.approved(block.zone, channels=("sms", "email")))
        progress = city.until_over(alert, 120)
        city.reached_once(block, progress)
        assert proxy.loses[SMS] == 0, "each was lost"
        assert len(city.asked_about(block.phones)) >= lost
        assert progress.channels_by_state["sms"] == {"accepted": 40}
        hosts = {line.split()[1].partition(":")[0] for line in proxy.asked}
        assert hosts == {SMS, MAIL}

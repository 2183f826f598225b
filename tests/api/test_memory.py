"""What strangers send is not kept: the memory of a web server goes back."""

import http.client
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import redis as redis_client

from notify.local import ports
from tests.waiting import until

SETTINGS = {
    "TOCSIN_SENDGRID_API_KEY": "key",
    "TOCSIN_TWILIO_ACCOUNT_SID": "AC",
    "TOCSIN_TWILIO_AUTH_TOKEN": "token",
    "TOCSIN_LOG_LEVEL": "CRITICAL",
}
MEBI = 2**20


@pytest.mark.long
def test_large_bodies_with_a_wrong_signature_leave_nothing_behind(database: str, redis: "redis_client.Redis") -> None:
    port = ports.free()
    env = {**os.environ, **SETTINGS, "TOCSIN_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    server = subprocess.Popen([sys.executable, "-m", "notify.cli", "api", "--port", str(port)], env=env)
    try:
        until(lambda: not ports.is_free(port), 60, "the web server listens")
        _post_all(port, bodies=4)
        before = _resident_bytes(server.pid)
        _post_all(port, bodies=80)
        until(lambda: _resident_bytes(server.pid) < before + 100 * MEBI, 60, "the memory is given back")
    finally:
        server.terminate()
        server.wait(60)


def _post_all(port: int, bodies: int) -> None:
    """Eight at a time."""
    left = iter(range(bodies))
    body = (b"[" + b'{"event":"x"},' * 750_000)[: 10 * MEBI]
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": "MEUCIQDx",
        "X-Twilio-Email-Event-Webhook-Timestamp": str(int(time.time())),
    }

    def post() -> None:
        for _ in left:
            line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            line.request("POST", "/hooks/sendgrid/events", body, headers)
            assert line.getresponse().read()
            line.close()

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

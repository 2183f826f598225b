"""Requests that nobody would write by hand, made from our own OpenAPI document by Schemathesis."""

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from api import rates
from notify.alerts import lifecycle
from notify.core import alarms
from notify.core.db import transaction
from notify.core.settings import settings
from tests import factories

Key = Callable[..., dict[str, str]]
SETTINGS = {
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "not a token",
    "TWILIO_BASE_URL": "http://127.0.0.1:9",
    "SENDGRID_API_KEY": "not a key",
    "SENDGRID_BASE_URL": "http://127.0.0.1:9",
    "MASTODON_BASE_URL": "http://127.0.0.1:9",
    "MASTODON_ACCESS_TOKEN": "not a token",
}
# Fuzzing stops senders, and then nothing can be approved or launched alone: a documented 503 that says why, no fault of
# ours. All other statuses of 500 and more fail, and so does 503 everywhere else.
CONFIG = """
[[operations]]
include-path-regex = "/api/v1/alerts/{alert_id}/(approve|break-glass)$"
checks.not_a_server_error.expected-statuses = ["2xx", "4xx", 503]
"""
EXAMPLES, FUZZED_S, WITHIN_S = 25, 240, 350


@pytest.mark.long
@pytest.mark.timeout(WITHIN_S + 60)
def test_no_request_breaks_the_api_and_every_answer_is_documented(
    door: httpx.Client, key: Key, city: datetime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """0 server errors, no status and no answer that the document does not know.

    With credentials, for without them no alert could be approved.
    """
    for name in ("KEY", "COUNT", "API_ADDRESS"):
        monkeypatch.setattr(rates, name, 10**9)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(f"TOCSIN_{name}", value)
    settings.cache_clear()
    with transaction() as s:
        alert = factories.alert_ready(s, now=city, channels=("sms", "email"))
        lifecycle.launch(s, alert.id, None, city)
        factories.alert_draft(s, now=city)
        alarms.sound(s, "sender-stopped", "A sender is stopped.", city)
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        "run",
        f"{str(door.base_url).rstrip('/')}/api/v1/openapi.json",
        "--header",
        f"Authorization: {key('admin')['Authorization']}",
        "--checks",
        "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        "--mode",
        "all",
        "--phases",
        "examples,coverage,fuzzing",
        "--max-examples",
        str(EXAMPLES),
        "--max-time",
        str(FUZZED_S),
        "--request-timeout",
        "30",
        "--seed",
        "7",
        "--generation-database",
        "none",
        "--no-color",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=WITHIN_S, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert "Test cases" in done.stdout or "passed" in done.stdout, done.stdout

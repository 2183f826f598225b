"""`tocsin check` when something that is not the provider answers: red, with what to do, whatever it says."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from notify.channels.findings import Finding, State
from notify.channels.http.blocking import BlockingClient
from notify.channels.http.outbound import Outbound
from notify.core.settings import Settings
from notify.operations.check import _provider

SENDERS = {
    "twilio": ["+15555550100", "12345", "MG" + "0" * 32],
    "sendgrid": ["alerts@example.org"],
    "mastodon": ["city"],
    "bluesky": ["city.example.org"],
}
ANSWERS = [
    "",
    "{",
    "<html>Sign in</html>",
    "null",
    "7",
    '"x"',
    "[]",
    "[7]",
    "{}",
    "[" * 20_000,
    '{"scopes": 7}',
    '{"scopes": null, "acct": 7, "status": 7}',
    '{"scopes": ["mail.send"], "result": 7, "webhooks": 7, "status": "active", "type": "Full"}',
    '{"scopes": ["mail.send"], "result": [7], "webhooks": [7], "incoming_phone_numbers": 7, "status": "active"}',
    '{"scopes": ["mail.send"], "result": [null], "webhooks": [{"url": 7}], "incoming_phone_numbers": [7], "acct": []}',
    '{"scopes": ["mail.send"], "webhooks": {"url": 7}, "short_codes": [7], "status": "active", "date_created": 7}',
]


class Stranger(ThreadingHTTPServer):
    """Says the same to everybody."""

    said = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Stranger)
        body = self.server.said.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  the same

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  named by the base class
        pass


@pytest.fixture(scope="module")
def stranger() -> Iterator[Stranger]:
    with Stranger(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("answer", ANSWERS, ids=range(len(ANSWERS)))
@pytest.mark.parametrize("provider", SENDERS)
def test_an_answer_that_is_none_is_red_and_says_what_to_do(stranger: Stranger, provider: str, answer: str) -> None:
    stranger.said = answer
    found = checked(stranger, provider)
    assert any(one.state is State.RED for one in found), [one.said for one in found]
    assert all(one.todo for one in found if one.state is not State.GREEN)


def checked(stranger: Stranger, provider: str) -> list[Finding]:
    settings = Settings(
        twilio_account_sid="AC" + "0" * 32,
        twilio_auth_token=SecretStr("token"),
        sendgrid_api_key=SecretStr("SG.key"),
        mastodon_access_token=SecretStr("token"),
        bluesky_handle="city.example.org",
        bluesky_app_password=SecretStr("password"),
        twilio_base_url=stranger.url,
        sendgrid_base_url=stranger.url,
        mastodon_base_url=stranger.url,
        bluesky_base_url=stranger.url,
    )
    outbound = Outbound.of(settings)
    senders = dict.fromkeys(SENDERS[provider], 1.0)
    with BlockingClient(outbound) as client:
        return list(_provider(settings, provider, senders, outbound, client))

"""A channel that only this file knows goes the whole way of an alert: pagers, and a board that shows the latest."""

import json
import math
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import httpx
import pytest
import redis as redis_client
import structlog
from typer.testing import CliRunner

from api.rest.alert_bodies import NewAlert
from notify.audience.live_count import live_count
from notify.channels import channel, registry
from notify.channels.addressing import PHONE, TIMELINE
from notify.channels.channel import Channel
from notify.channels.contract import Accepted, Adapter, HookRequest, Message, Recall, Receipt, Receipts, ReceiptState
from notify.channels.exchange import document, exchange, refusal
from notify.channels.http.client import Endpoint, HttpClient
from notify.cli import alert as alert_commands
from notify.core import crypto
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import leases, receipts, senders
from notify.delivery.send_batch import LeasedBatch
from notify.delivery.throttle import Throttle
from notify.delivery.transport import Transport
from notify.models import Contact
from tests import factories
from tests.api import asked

Headers = dict[str, str]
PAGER = Channel("pager", "Pages", "by pager", PHONE, unit="page", detail=0, longest=1200, words_of="sms")
BOARD = Channel("board", "Board notices", "on boards", TIMELINE, unit="notice", detail=0, words_of="social")


class _Gateway:
    """Up to three pagers a request; what each has shown comes by webhook."""

    channel: ClassVar[str] = PAGER.name
    max_recipients: ClassVar[int] = 3
    recall: ClassVar[Recall] = Recall.NEVER

    def __init__(self, *, url: str, client: HttpClient | None, timeout_s: float) -> None:
        self._client, self._timeout_s = client, timeout_s
        self._endpoint = Endpoint("POST", url, {"Content-Type": "application/json"})

    async def send(self, message: Message, leave_by_s: float = math.inf) -> Accepted:
        to = {str(one.delivery_id): one.address for one in message.recipients}
        body = json.dumps({"to": to, "text": message.content.text}).encode()
        answer = await exchange(self._client, self._endpoint, body, self._timeout_s, leave_by_s)
        if answer.status != 200:
            raise refusal(answer)
        return Accepted(str(document(answer)["id"]))

    async def find(self, message: Message, since_s: float) -> Accepted | None:
        raise NotImplementedError

    def parse_receipt(self, request: HookRequest) -> Receipts:
        return Receipts(Receipt(int(number), ReceiptState.DELIVERED) for number in json.loads(request.body))


class _Notices(_Gateway):
    channel: ClassVar[str] = BOARD.name


class _StandIn(BaseHTTPRequestHandler):
    received: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        self.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        body = json.dumps({"id": f"page-{len(self.received)}"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture
def received(door: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What the stand-in was asked for, once the channels and their providers are there."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _StandIn)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    for added, made in {PAGER: _Gateway, BOARD: _Notices}.items():
        adapter: Callable[..., Adapter] = partial(made, url=url)
        monkeypatch.setitem(channel.CHANNELS, added.name, added)
        monkeypatch.setitem(registry.PROVIDERS, f"{added.name}-gateway", registry.Provider(added.name, adapter, ()))
    monkeypatch.setattr(_StandIn, "received", [])
    live_count.forget()
    yield _StandIn.received
    live_count.forget()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def people(received: list[dict[str, Any]], city: datetime) -> dict[str, int]:
    """Twelve residents of Riverside with pagers, all but the last of them verified: pager -> contact."""
    found = {}
    with transaction() as s:
        senders.add(s, "pager-gateway", "fire brigade", 500, city)
        senders.add(s, "board-gateway", "town hall", 5, city)
        for number in range(12):
            pager = f"+1555555{9000 + number}"
            contact = Contact(
                subscriber_id=factories.resident(s, phone=None, now=city).id,
                channel=PAGER.name,
                address_index=PAGER.address_index(pager),
                address_sealed=crypto.seal(pager, PAGER.name),
                verified_at=city if number < 11 else None,
                created_at=city,
            )
            s.add(contact)
            s.flush()
            found[pager] = contact.id
    return found


def send_all(alert: int, redis: "redis_client.Redis") -> None:
    """Sends the alert's batches as a worker would."""
    transport = Transport(settings())
    try:
        for batch in factories.resolve(alert, datetime.now(UTC)):
            held = leases.lease(batch, 60)
            assert held is not None
            LeasedBatch(held, settings(), Throttle(redis), transport, threading.Event()).send()
    finally:
        transport.close()


def told(*words: str) -> Any:
    answer = CliRunner().invoke(alert_commands.commands, list(words))
    structlog.configure(cache_logger_on_first_use=False)  # or `capture_logs` of later tests would see nothing
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_a_channel_of_its_own_goes_from_draft_to_report(
    operator: httpx.Client,
    key: Callable[..., Headers],
    people: dict[str, int],
    received: list[dict[str, Any]],
    redis: "redis_client.Redis",
) -> None:
    def post(path: str = "", body: Any = None) -> Any:
        answer = operator.post(f"/api/v1/alerts{path}", json=body, headers=headers if path else key("author"))
        assert answer.is_success, answer.text
        return answer.json()

    headers = key()
    storm = {"event": "storm", "zones": ["Riverside"], "blanks": {"hazard": "tornado"}}
    drafted = post("", storm)  # on every channel that has an open sender
    alert = drafted["id"]
    assert drafted["channels"] == ["pager", "board"]
    preview = operator.get(f"/api/v1/alerts/{alert}/audience", headers=headers).json()
    live = operator.post(
        "/api/v1/audience", json={"include": [{"zone": "Riverside"}], "topic": "storm"}, headers=headers
    ).json()
    assert preview["by_channel"] == {"pager": 11, "board": 2}
    assert {name: live["by_channel"][name] for name in ("pager", "board")} == {"pager": 10, "board": "fewer than 10"}
    post(f"/{alert}/approve")
    assert "pager: 11 messages; 95 % by " in told("plan", str(alert))
    page = operator.get(f"/console/alerts/{alert}").text
    assert "11 by pager" in page
    assert "2 on boards" in page
    assert "Pages: all in under a minute" in page

    post(f"/{alert}/launch")
    send_all(alert, redis)
    pages = [one for one in received if next(iter(one["to"].values())).startswith("+")]
    assert sorted(pager for one in pages for pager in one["to"].values()) == sorted(people)[:11]
    assert len(received) < 13  # several pagers a request
    (words,) = asked.rows("SELECT text, cost FROM contents WHERE channel = 'pager' AND language = 'en'")
    assert pages[0]["text"] == words.text
    assert "Tornado" in words.text
    assert words.cost == 1

    heard = registry.build(settings(), "pager-gateway").parse_receipt(
        HookRequest("", {}, json.dumps([number for one in pages for number in one["to"]]).encode())
    )
    receipts.store("pager-gateway", heard, datetime.now(UTC))
    receipts.apply(datetime.now(UTC))
    report = operator.get(f"/api/v1/alerts/{alert}/report", headers=headers).json()
    assert report["channels_by_state"]["pager"] == {"delivered": 11, "skipped": 1}
    assert report["channels_by_state"]["board"] == {"accepted": 2}
    assert {one["channel"] for one in report["words"]} == {"pager", "board"}
    assert "pager" in told("report", str(alert))
    page = operator.get(f"/console/alerts/{alert}").text
    assert '<label for="bar-pager">Pages</label>' in page
    assert '<data id="sent-pager" value="11">' in page
    assert operator.get(f"/alerts/{alert}").is_success


def test_rest_knows_it_and_refuses_others(received: list[dict[str, Any]]) -> None:
    items = NewAlert.model_json_schema()["properties"]["channels"]["anyOf"][0]["items"]
    assert items["enum"] == ["sms", "email", "social", "pager", "board"]
    with pytest.raises(ValueError, match="Input should be 'sms', 'email', 'social', 'pager' or 'board'"):
        NewAlert(event="storm", channels=["fax"])

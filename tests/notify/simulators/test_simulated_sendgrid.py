"""The simulated SendGrid, held against SendGrid's own document."""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from simulator_process import PEM_KEY, Hook, Hooks, Simulator


def mail(*names: str, hooks_url: str = "https://city.example.org", **change: Any) -> dict[str, Any]:
    people = [
        {
            "to": [{"email": f"{name}@example.org"}],
            "substitutions": {"-name-": name.title()},
            "headers": {
                "List-Unsubscribe": f"<{hooks_url}/u/{name}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
            "custom_args": {"delivery": str(number)},
        }
        for number, name in enumerate(names, 1)
    ]
    return {
        "personalizations": people,
        "from": {"email": "alerts@city.example.org", "name": "City"},
        "subject": "Storm, -name-",
        "content": [{"type": "text/plain", "value": "Dear -name-"}, {"type": "text/html", "value": "<p>-name-</p>"}],
        "categories": ["storm"],
    } | change


def test_mail_is_accepted_and_each_inbox_shows_its_own_words(
    simulator: Simulator, sendgrid_conforms: Callable[[httpx.Response], None]
) -> None:
    answer = simulator.mail(mail("ann", "ben"))
    sendgrid_conforms(answer)
    assert (answer.status_code, answer.content) == (202, b"")
    ann, ben = simulator.accepted(provider="sendgrid")
    assert {ann["id"], ben["id"]} == {answer.headers["X-Message-Id"]}
    assert (ann["to"], ann["subject"], ann["body"], ann["html"]) == (
        "ann@example.org",
        "Storm, Ann",
        "Dear Ann",
        "<p>Ann</p>",
    )
    assert ben["headers"]["List-Unsubscribe"] == "<https://city.example.org/u/ben>"
    assert ben["raw"]["personalizations"] == mail("ann", "ben")["personalizations"][1:]


def broken(**change: Any) -> dict[str, Any]:
    return {name: value for name, value in (mail("ann") | change).items() if value is not None}


@pytest.mark.parametrize(
    ("request_body", "field"),
    [
        (broken(personalizations=[]), "personalizations"),
        (broken(personalizations=[{"to": []}]), "personalizations.0.to"),
        (
            broken(personalizations=[{"to": [{"email": "a@example.org"}]}, {"to": [{"email": "nobody"}]}]),
            "personalizations.1.to.0.email",
        ),
        (
            broken(personalizations=[{"to": [{"email": f"a{i}@example.org"}]} for i in range(1001)]),
            "personalizations",
        ),
        (broken(**{"from": None}), "from.email"),
        (broken(**{"from": {"email": "city"}}), "from.email"),
        (broken(subject=None), "subject"),
        (broken(content=None), "content"),
        (broken(content=[{"type": "text/plain", "value": ""}]), "content.0.value"),
        (
            broken(content=[{"type": "text/html", "value": "x"}, {"type": "text/plain", "value": "x"}]),
            "content.0.type",
        ),
        (broken(headers={"Subject": "x"}), "headers.Subject"),
        (broken(categories=[str(number) for number in range(11)]), "categories"),
        (broken(surprise=1), "surprise"),
    ],
)
def test_a_mail_that_sendgrid_would_refuse_is_refused_by_field(
    simulator: Simulator,
    sendgrid_conforms: Callable[[httpx.Response], None],
    request_body: dict[str, Any],
    field: str,
) -> None:
    answer = simulator.mail(request_body)
    sendgrid_conforms(answer)
    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert simulator.accepted() == []


def test_a_wrong_key_a_fault_and_no_json_are_refused(
    simulator: Simulator, sendgrid_conforms: Callable[[httpx.Response], None]
) -> None:
    wrong = simulator.mail(mail("ann"), Authorization="Bearer guess")
    simulator.behave(sendgrid={"next_errors": [{"status": 500}]})
    down = simulator.mail(mail("ann"))
    for answer, status in ((wrong, 401), (down, 500)):
        sendgrid_conforms(answer)
        assert answer.status_code == status
    headers = {"Authorization": "Bearer SG.for-tests", "Content-Type": "application/json"}
    garbage = simulator.http.post("/v3/mail/send", content=b"{", headers=headers)
    sendgrid_conforms(garbage)
    assert garbage.status_code == 400


def test_events_are_signed_and_carry_the_custom_arguments(simulator: Simulator, hooks: Hooks) -> None:
    reference = simulator.mail(mail("ann", "ben")).headers["X-Message-Id"]
    simulator.settle()
    batches = hooks.at("/events")
    for batch in batches:
        check_signature(batch)
    with pytest.raises(InvalidSignature):
        check_signature(Hook(batches[0].url, batches[0].headers, batches[0].body + b" "))
    events = all_events(hooks)
    assert [(event["event"], event["delivery"]) for event in events] == [
        ("processed", "1"),
        ("processed", "2"),
        ("delivered", "1"),
        ("delivered", "2"),
    ]
    assert len({event["sg_event_id"] for event in events}) == 4
    for event in events:
        assert event["sg_message_id"].startswith(f"{reference}.recvd-")
        assert event["category"] == ["storm"]
        assert isinstance(event["timestamp"], int)


def test_events_are_told_in_batches(simulator: Simulator, hooks: Hooks) -> None:
    simulator.behave(sendgrid={"batch_size": 40})
    simulator.mail(mail(*(f"a{number}" for number in range(50))))
    simulator.settle()
    sizes = [len(json.loads(batch.body)) for batch in hooks.at("/events")]
    assert sum(sizes) == 100
    assert max(sizes) == 40
    assert len(sizes) <= 4


def test_a_bounced_address_is_dropped_the_next_time(simulator: Simulator, hooks: Hooks) -> None:
    simulator.behave(sendgrid={"addresses": {"ann@example.org": {"event": "bounce", "status": "5.1.1"}}})
    simulator.mail(mail("ann"))
    simulator.settle()
    simulator.mail(mail("ann"))
    simulator.settle()
    bounce, drop = (event for event in all_events(hooks) if event["event"] in {"bounce", "dropped"})
    assert (bounce["type"], bounce["status"]) == ("bounce", "5.1.1")
    assert drop["reason"] == "Bounced Address"
    bypass = {"bypass_list_management": {"enable": True}}
    simulator.mail(mail("ann", mail_settings=bypass))
    assert len(simulator.accepted()) == 2, "the dropped one never reached the inbox"


def test_late_and_repeated_events_keep_their_id(simulator: Simulator, hooks: Hooks) -> None:
    simulator.behave(sendgrid={"callbacks": {"out_of_order": 1, "repeats": 1}})
    simulator.mail(mail("ann"))
    simulator.settle()
    events = all_events(hooks)
    assert events[0]["event"] == "delivered"
    delivered = [event for event in events if event["event"] == "delivered"]
    assert len(delivered) == 2
    assert delivered[0] == delivered[1]


def test_one_click_unsubscribe_posts_what_the_rfc_says(simulator: Simulator, hooks: Hooks) -> None:
    simulator.mail(mail("ann", hooks_url=hooks.url))
    answer = simulator.http.post("/_sim/inboxes/ann@example.org/unsubscribe")
    assert answer.json() == {"webhook_status": 204, "problem": ""}
    (click,) = hooks.at("/u/ann")
    assert click.body == b"List-Unsubscribe=One-Click"
    assert click.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "cookie" not in click.headers
    assert simulator.accepted()[0]["marks"] == ["unsubscribed"]


def test_without_the_second_header_there_is_no_one_click(simulator: Simulator, hooks: Hooks) -> None:
    plain = mail("ann", hooks_url=hooks.url)
    del plain["personalizations"][0]["headers"]["List-Unsubscribe-Post"]
    simulator.mail(plain)
    assert simulator.http.post("/_sim/inboxes/ann@example.org/unsubscribe").status_code == 409
    assert hooks.at("/u/ann") == []


def test_a_spam_report_is_told_and_stops_later_mail(simulator: Simulator, hooks: Hooks) -> None:
    simulator.mail(mail("ann"))
    assert simulator.http.post("/_sim/inboxes/ann@example.org/spam").status_code == 204
    simulator.mail(mail("ann"))
    simulator.settle()
    events = all_events(hooks)
    assert [event["delivery"] for event in events if event["event"] == "spamreport"] == ["1"]
    assert [event["reason"] for event in events if event["event"] == "dropped"] == ["Spam Reporting Address"]


def test_sandbox_mode_checks_and_sends_nothing(simulator: Simulator) -> None:
    answer = simulator.mail(mail("ann", mail_settings={"sandbox_mode": {"enable": True}}))
    assert answer.status_code == 200
    assert simulator.accepted() == []


def all_events(hooks: Hooks) -> list[dict[str, Any]]:
    return [event for batch in hooks.at("/events") for event in json.loads(batch.body)]


def check_signature(hook: Hook) -> None:
    """As SendGrid documents it: ECDSA with SHA-256 over timestamp and raw body."""
    signature = base64.b64decode(hook.headers["x-twilio-email-event-webhook-signature"])
    timestamp = hook.headers["x-twilio-email-event-webhook-timestamp"].encode()
    PEM_KEY.public_key().verify(signature, timestamp + hook.body, ec.ECDSA(SHA256()))

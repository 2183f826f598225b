"""Steering the simulator, its numbers, its page and its command."""

import subprocess
import sys
from datetime import datetime

import pytest
from simulator_process import Simulator

from notify.simulators.arrivals import Window
from notify.training import SENDERS
from tests.waiting import until

PHONE = "+12155550101"


def test_messages_of_all_providers_are_listed_in_order_and_can_be_cut(simulator: Simulator) -> None:
    simulator.text(body="first")
    simulator.post("second")
    simulator.text(body="third")
    simulator.settle()
    listed = simulator.accepted()
    assert [(message["provider"], message["body"]) for message in listed] == [
        ("twilio", "first"),
        ("mastodon", "second"),
        ("twilio", "third"),
    ]
    assert listed[0]["raw"] == {"To": PHONE, "From": "+12155550100", "Body": "first"}
    assert listed[0]["received_at"] < listed[2]["received_at"]
    assert simulator.accepted(after=listed[0]["order"]) == listed[1:]
    assert simulator.accepted(since=listed[1]["received_at"]) == listed[2:]
    simulator.http.delete("/_sim/messages")
    assert simulator.accepted() == []


def test_a_reset_forgets_what_is_still_to_come(simulator: Simulator) -> None:
    simulator.behave(twilio={"callbacks": {"sent_after_ms": 60_000, "delivered_after_ms": 60_000}})
    simulator.text(StatusCallback=f"{simulator.hooks.url}/status/1")
    assert simulator.stats()["callbacks"]["waiting"] == 2
    simulator.http.delete("/_sim/messages")
    assert simulator.stats()["callbacks"]["waiting"] == 0
    assert simulator.stats()["phones"] == 0


def test_a_change_of_behaviour_leaves_the_rest_as_it_was(simulator: Simulator) -> None:
    simulator.behave(twilio={"latency_ms": 5, "callbacks": {"enabled": False}})
    simulator.behave(twilio={"jitter_ms": 2, "callbacks": {"repeats": 0.5}})
    twilio = simulator.http.get("/_sim/behaviour").json()["twilio"]
    assert (twilio["latency_ms"], twilio["jitter_ms"]) == (5, 2)
    assert (twilio["callbacks"]["enabled"], twilio["callbacks"]["repeats"]) == (False, 0.5)


@pytest.mark.parametrize(
    "change",
    [{"telex": {}}, {"twilio": {"latency": 5}}, {"twilio": {"error_rate": {"status": 500, "rate": 2}}}, {"twilio": 5}],
)
def test_an_unknown_behaviour_is_refused_and_changes_nothing(simulator: Simulator, change: dict[str, object]) -> None:
    before = simulator.http.get("/_sim/behaviour").json()
    answer = simulator.http.put("/_sim/behaviour", json=change)
    assert (answer.status_code, answer.json()["error"]) == (400, "The behaviour is not valid.")
    assert simulator.http.get("/_sim/behaviour").json() == before


def test_no_callbacks_when_they_are_off(simulator: Simulator) -> None:
    simulator.behave(twilio={"callbacks": {"enabled": False}})
    simulator.text(StatusCallback=f"{simulator.hooks.url}/status/1")
    simulator.settle()
    assert simulator.hooks.at("/status/1") == []
    assert simulator.accepted()[0]["status"] == "delivered"


def test_a_window_counts_the_most_within_any_one_second() -> None:
    window = Window()
    for at, units in ((0.0, 1), (0.5, 2), (0.9, 3), (1.0, 1), (1.49, 4), (3.0, 5)):
        window.add(at, units)
    assert window.as_json() == {"messages": 6, "units": 16, "max_in_1s": 4, "max_units_in_1s": 10}


def test_stats_count_each_sender(simulator: Simulator) -> None:
    for number in range(3):
        simulator.text(body="a" * 161, From="73911" if number else "+12155550100")
    senders = simulator.stats()["twilio"]["senders"]
    assert (senders["73911"]["messages"], senders["73911"]["units"]) == (2, 4)
    assert senders["+12155550100"]["max_units_in_1s"] == 2


def test_a_new_phone_can_text_the_city(simulator: Simulator) -> None:
    front = simulator.http.get("/").text
    assert f'name="to" value="{SENDERS[0][1]}"' in front, "the training city's own"
    assert SENDERS[0][0] == "twilio"
    typed = {"number": "(215) 555-0177", "to": "+15555550100", "text": "JOIN"}
    for wrong, why in (
        ({"number": "555 01"}, "555 01 is not a US phone number"),
        ({"to": "city"}, "city is not a number of the city"),
        ({"text": " "}, "Type what this phone says"),
    ):
        refused = simulator.http.post("/phones", data=typed | wrong)
        assert refused.status_code == 400
        assert why in refused.text
    sent = simulator.http.post("/phones", data=typed, follow_redirects=True)
    assert sent.url.path == "/phones/+12155550177"
    (said,) = simulator.http.get("/_sim/phones/+12155550177").json()["conversation"]
    assert (said["body"], said["to"], said["direction"]) == ("JOIN", "+15555550100", "inbound")
    simulator.text(From="73911")
    assert 'name="to" value="73911"' in simulator.http.get("/").text, "whoever has sent last"


def test_the_pages_work_by_links_and_forms_alone(simulator: Simulator) -> None:
    simulator.text(body="Storm & wind <b>now</b>")
    simulator.text(to="+12155550102", body="Snow")
    simulator.post("Posted to all")
    front = simulator.http.get("/")
    policy = front.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert "nothing leaves this machine" in front.text
    assert f"Times are in {datetime.now().astimezone().tzname()}." in front.text
    assert "Storm &amp; wind &lt;b&gt;now" in front.text
    found = simulator.http.get("/", params={"q": "snow"}).text
    assert "/phones/+12155550102" in found
    assert f"/phones/{PHONE}" not in found
    sent = simulator.http.post(f"/phones/{PHONE}/reply", data={"text": "STOP"}, follow_redirects=True)
    assert "You have successfully been unsubscribed" in sent.text
    assert simulator.text().json()["code"] == 21610
    assert "Posted to all" in simulator.http.get("/timeline").text
    assert simulator.http.get("/phones/+12155550177").status_code == 404

    def unchanged() -> bool:
        etag = simulator.http.get("/").headers["etag"]
        return simulator.http.get("/timeline", headers={"If-None-Match": etag}).status_code == 304

    until(unchanged, 60, "all receipts have been told, and nothing else changes a page")


def test_a_mail_cannot_leave_its_frame(simulator: Simulator) -> None:
    simulator.mail(
        {
            "personalizations": [{"to": [{"email": "ann@example.org"}]}],
            "from": {"email": "city@example.org"},
            "subject": "<script>alert(1)</script>",
            "content": [{"type": "text/html", "value": '"><script>alert(2)</script>'}],
        }
    )
    page = simulator.http.get("/inboxes/ann@example.org")
    assert "<script>alert" not in page.text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    assert "script-src 'self';" in page.headers["content-security-policy"]
    click = simulator.http.post("/inboxes/ann@example.org/spam", data={"order": "1"}, follow_redirects=True)
    assert "reported as spam" in click.text


def test_the_simulator_uses_nothing_else_of_the_project() -> None:
    question = (
        "import sys, notify.simulators.__main__;"
        "ours = [m for m in sys.modules if m.split('.')[0] in ('notify', 'api', 'zones', 'templates')];"
        "print([m for m in ours if m != 'notify' and not m.startswith('notify.simulators')])"
    )
    answer = subprocess.run([sys.executable, "-c", question], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_key_that_is_none_ends_the_command_with_a_sentence() -> None:
    command = [sys.executable, "-m", "notify.simulators", "--sendgrid-private-key", "rubbish"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert ended.stderr.startswith("simulator: ")
    assert len(ended.stderr.splitlines()) == 1

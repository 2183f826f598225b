"""What people do while an alert goes out: watch, pause, resume, cancel; and what they were told before."""

import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from tests.acceptance.city import Block, City
from tests.waiting import until

RATE = 30
PEOPLE = 900  # half a minute, longer than any command takes to start


def halted(city: City, block: Block, alert: int, how: str) -> int:
    """Halt it by the command; how many messages are out for good a while later."""
    done = city.run("alert", how, str(alert))
    assert done.returncode == 0, done.stderr
    (halted_at,) = city.sql("SELECT max(at) FROM audit WHERE subject = 'alert' AND subject_id = :a AND action = :how",
                            a=alert, how=how)[0]  # fmt: skip
    until(lambda: time.time() > halted_at.timestamp() + 2.5, 60, "two more seconds")
    mine = set(block.phones)
    arrived = [m["received_at"] for m in city.received("twilio") if m["to"] in mine]
    assert max(arrived) < halted_at.timestamp() + 1
    assert len(arrived) < len(block.phones)
    return len(arrived)


@pytest.mark.long
@pytest.mark.timed
def test_a_pause_acts_within_a_second_and_a_resume_sends_the_rest_once(city: City) -> None:
    block, alert = city.sending(PEOPLE, RATE, out=20)
    out = halted(city, block, alert, "pause")
    assert city.progress(alert).state == "paused"
    city.rate("sms", 400)
    assert city.run("alert", "resume", str(alert), "--as", "approver@acceptance.example.org").returncode == 0
    city.reached_once(block, city.until_over(alert, 60))
    steps = {step["action"]: step for step in city.run_json("alert", "report", str(alert))["steps"]}
    assert 20 <= steps["pause"]["out"] <= out
    assert steps["resume"]["out"] == out
    assert steps["resume"]["who"] == "approver@acceptance.example.org"


@pytest.mark.timed
def test_a_cancel_acts_within_a_second_and_counts_what_was_out(city: City) -> None:
    block, alert = city.sending(PEOPLE, RATE, out=20)
    out = halted(city, block, alert, "cancel")
    progress = until(
        lambda: p if not (p := city.progress(alert)).deliveries["sending"] + p.deliveries["queued"] else None,
        60,
        "everything is settled",
    )
    assert progress.deliveries["cancelled"] == PEOPLE - out
    assert sum(progress.deliveries.values()) == progress.audience.total == PEOPLE
    assert Counter(city.texts(block.phones)).most_common(1)[0][1] == 1
    told = city.run("alert", "report", str(alert)).stdout
    assert "cancel by" in told
    assert "sent by then" in told


def test_a_watcher_sees_rate_and_time_to_go_and_leaves_without_stopping_it(city: City) -> None:
    block, alert = city.sending(2 * PEOPLE, RATE, out=20)
    command = [sys.executable, "-m", "notify.cli", "alert", "show", str(alert), "--watch", "--data",
               str(city.stack.data)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watcher:
        assert watcher.stdout is not None
        line = watcher.stdout.readline()
        while "/s, done in " not in line:
            assert line, "it ended"
            line = watcher.stdout.readline()
        assert f" of {2 * PEOPLE:,} " in line
        watcher.send_signal(signal.SIGINT)
        said, _ = watcher.communicate(timeout=60)
    assert f"Alert {alert} is still being sent" in said
    assert watcher.returncode == 130
    city.rate("sms", 2000)
    city.reached_once(block, city.until_over(alert, 60))


@pytest.mark.timed
def test_the_plan_comes_true(city: City) -> None:
    block = city.block(phones=200)
    alert = city.approved(block.zone)
    city.rate("sms", 60)
    (planned,) = city.run_json("alert", "plan", str(alert))["channels"]
    assert planned["messages"] == 200
    assert "95 % by" in city.run("alert", "plan", str(alert)).stdout
    city.launch(alert)
    city.until_over(alert, 60)
    (told,) = until(
        lambda: f if (f := city.run_json("alert", "show", str(alert))["forecast"])[0]["was_p95_at"] else None,
        60,
        "it is held against what happened",
    )
    assert told["error"] == pytest.approx(0, abs=0.15)

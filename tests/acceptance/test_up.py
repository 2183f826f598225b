"""`make run` and `make demo`, as a newcomer meets them: with all 20,000 residents, twice."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.commands import newcomers
from tests.waiting import until

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.long


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "notify.cli", *arguments]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_up_serves_stops_cleanly_and_finds_its_data_again(tmp_path: Path) -> None:
    data = tmp_path / "a folder with spaces" / "data"
    data.parent.mkdir()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for run in (1, 2):
            output = tmp_path / f"output {run}"
            with output.open("w") as file:
                up = subprocess.Popen(
                    command("up", "--demo", "--data", str(data), "--port", str(port)),
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    cwd=ROOT,
                    env=newcomers(),
                    start_new_session=True,
                )
            try:
                said = until(
                    lambda file=output, up=up: (
                        text if "Ctrl-C" in (text := file.read_text()) or up.poll() is not None else ""
                    ),
                    240,
                    "the stack serves",
                )
                assert "Ctrl-C" in said, said[-2000:]
                assert f"Alert {run}" in said
                pids = list(json.loads((data / "stack.json").read_text())["processes"].values())
                assert len(pids) >= 7
                console = re.search(r"Console\s+(\S+)", said)
                assert console is not None
                assert f":{port}/" not in console[1]
                where = subprocess.run(
                    command("where", "--data", str(data)),
                    capture_output=True,
                    text=True,
                    cwd=ROOT,
                    env=newcomers(),
                    timeout=60,
                )
                again = re.search(r"Console\s+(\S+/console/enter\?link=\S+)", where.stdout)
                assert again is not None, where.stderr
                assert again[1] != console[1]
                up.send_signal(signal.SIGINT)
                assert up.wait(120) == 0
            finally:
                if up.poll() is None:
                    os.killpg(up.pid, signal.SIGKILL)
            until(lambda pids=pids: all(gone(pid) for pid in pids), 60, "no process is left behind")
    counted = subprocess.run(
        command("demo", "--data", str(data), "--json"),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=newcomers(),
        timeout=240,
        check=False,
    )
    assert counted.returncode == 0, counted.stderr
    shown = json.loads(counted.stdout)
    assert shown["id"] == 3
    assert shown["state"] == "sent"
    assert shown["audience"]["total"] == sum(shown["deliveries"].values())
    assert shown["deliveries"]["failed"] == 0

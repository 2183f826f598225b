"""The health checks of docker-compose.yml, as they stand there, against the processes that they are for."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from notify.local import ports
from tests.test_project import compose
from tests.waiting import until

STARTS_S = 60
BEATS_S = 60  # every ten, on a machine that is not busy
LIMIT_S = 61  # `find -mmin -1`


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    with (folder / "log").open("w") as log:
        command = [sys.executable, "-m", "notify.cli", *arguments]
        process = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(folder)}, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(60)


def is_healthy(service: str, here: dict[str, str]) -> bool:
    """`here`: what stands in the container, and what it is in this test."""
    kind, *command = compose()["services"][service]["healthcheck"]["test"]
    command = [part.replace("$$", "$") for part in (["sh", "-c", *command] if kind == "CMD-SHELL" else command)]
    for there, ours in here.items():
        assert there in command[-1]
        command[-1] = command[-1].replace(there, ours)
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


@pytest.mark.long
@pytest.mark.usefixtures("database", "redis")
@pytest.mark.parametrize("service", ["worker", "worker-emergency", "scheduler"])
def test_who_hangs_is_unhealthy_until_it_goes_on(service: str, tmp_path: Path) -> None:
    def healthy() -> bool:
        return is_healthy(service, {"/tmp/": f"{tmp_path}/"})  # noqa: S108  the container's

    def a_minute_passes() -> None:
        (pulse,) = tmp_path.glob("*.pulse")
        os.utime(pulse, times=(time.time() - LIMIT_S,) * 2)

    assert not healthy()
    with running(tmp_path, *compose()["services"][service]["command"]) as process:
        until(healthy, STARTS_S, "it beats")
        a_minute_passes()
        until(healthy, BEATS_S, "it beats again")
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        a_minute_passes()
        assert not healthy()
        process.send_signal(signal.SIGCONT)
        until(healthy, BEATS_S, "it goes on")
    a_minute_passes()
    assert not healthy()


@pytest.mark.usefixtures("database", "redis")
@pytest.mark.parametrize("service", ["api", "simulator"])
def test_a_server_that_does_not_answer_is_unhealthy(service: str, tmp_path: Path) -> None:
    name, *options, there = compose()["services"][service]["command"]
    assert options[-1] == "--port"
    port = str(ports.free())

    def healthy() -> bool:
        return is_healthy(service, {f"/{there}": f"/{port}"})

    assert not healthy()
    with running(tmp_path, name, "--port", port) as process:
        until(healthy, STARTS_S, "it answers")
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        assert not healthy()
        process.send_signal(signal.SIGCONT)
        until(healthy, BEATS_S, "it answers again")
    assert not healthy()

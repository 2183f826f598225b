"""The whole local stack: the real commands, the embedded servers, the simulators."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from notify.channels import registry
from notify.core.errors import Refused
from notify.local.folder import LOADED, given, load_env, read_env, running
from notify.local.ports import serves
from notify.local.program import until
from notify.local.providers import PROVIDERS, SECRETS
from notify.local.stack import Stack

pytestmark = [
    pytest.mark.usefixtures("nothing_given"),
    pytest.mark.skipif(find_spec("notify.cli") is None, reason="there are no commands to run yet"),
]

PROCESSES = {"postgres", "redis", "simulator", "api", "worker-emergency", "worker-1", "worker-2", "scheduler"}


@pytest.fixture(scope="module")
def nothing_given() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("TOCSIN_")]:
            environment.delenv(name)
        yield


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, nothing_given: None) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("a city") / "tocsin-data", port=0, workers=2) as stack:
        yield stack


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the tests that start and stop stacks of their own."""
    return tmp_path_factory.mktemp("another city") / "tocsin-data"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_whoever_says_our_own_request_back_serves_nothing() -> None:
    """As a port does that was connected with itself because nobody listens there yet."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def echo() -> None:
            wire, _ = listening.accept()
            with wire:
                wire.sendall(wire.recv(4096))

        echoing = threading.Thread(target=echo)
        echoing.start()
        assert not serves(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        echoing.join()


def test_all_processes_run_and_the_folder_tells_where(stack: Stack) -> None:
    info = running(stack.data)
    assert info is not None
    assert (info.pid, info.ready, set(info.processes)) == (os.getpid(), True, PROCESSES)
    assert info == stack.info
    with urllib.request.urlopen(f"{info.url}/healthz", timeout=60) as answer:
        assert answer.status == 200
    with pytest.raises(Refused, match=f"process {os.getpid()}, {info.url}"):
        Stack(stack.data, port=0).start()


def test_a_stack_knows_every_provider_and_the_secret_that_makes_it_real() -> None:
    assert sorted(PROVIDERS) == sorted(registry.PROVIDERS)
    assert SECRETS == (
        "TOCSIN_TWILIO_AUTH_TOKEN",
        "TOCSIN_SENDGRID_API_KEY",
        "TOCSIN_MASTODON_ACCESS_TOKEN",
        "TOCSIN_BLUESKY_APP_PASSWORD",
    )


def test_the_settings_point_to_the_simulators(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (stack.data / "env").stat().st_mode & 0o777 == 0o600
    assert read_env(stack.data) == stack.settings
    for provider in PROVIDERS:
        assert stack.settings[f"TOCSIN_{provider.upper()}_BASE_URL"] == stack.info.simulator_url
    assert stack.settings["TOCSIN_SIMULATOR_URL"] == stack.info.simulator_url, "so that exercises may go there"
    for name in stack.settings:  # what load_env sets is taken away again
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv(LOADED, "TOCSIN_REDIS_URL")
    monkeypatch.setenv("TOCSIN_REDIS_URL", "redis://the-one-of-last-time.example.org")
    monkeypatch.setenv("TOCSIN_PUBLIC_URL", "https://alerts.example.org")
    assert load_env(stack.data)
    assert os.environ["TOCSIN_REDIS_URL"] == stack.settings["TOCSIN_REDIS_URL"]
    assert os.environ["TOCSIN_DATABASE_URL"] == stack.settings["TOCSIN_DATABASE_URL"]
    assert os.environ["TOCSIN_PUBLIC_URL"] == "https://alerts.example.org"
    assert given() == {"TOCSIN_PUBLIC_URL": "https://alerts.example.org"}


def test_the_processes_cannot_change_the_schema(stack: Stack) -> None:
    owner = read_env(stack.data)["TOCSIN_MIGRATION_DATABASE_URL"]
    for name, pid in stack.info.processes.items():
        assert owner.encode() not in Path(f"/proc/{pid}/environ").read_bytes(), name
    assert owner != read_env(stack.data)["TOCSIN_DATABASE_URL"]


def test_a_killed_worker_comes_back(stack: Stack) -> None:
    first = stack.pid("worker-1")
    stack.kill("worker-1")
    assert until(lambda: stack.pid("worker-1") not in {None, first}, 60.0)


@pytest.mark.long
def test_a_demonstration_never_uses_real_providers(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_TWILIO_ACCOUNT_SID", "AC" + "0" * 32)
    monkeypatch.setenv("TOCSIN_TWILIO_AUTH_TOKEN", "real")
    with Stack(data, port=0, demo=True) as stack:
        assert stack.settings["TOCSIN_TWILIO_AUTH_TOKEN"] != "real"
        assert stack.settings["TOCSIN_TWILIO_BASE_URL"] == stack.info.simulator_url
    with Stack(data, port=0) as stack:
        assert stack.settings["TOCSIN_TWILIO_AUTH_TOKEN"] == "real"
        assert {"TOCSIN_TWILIO_BASE_URL", "TOCSIN_SIMULATOR_URL"}.isdisjoint(stack.settings)
        assert stack.pid("simulator") is None


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_and_a_taken_port_is_replaced(data: Path, number: signal.Signals) -> None:
    code = f"""
import sys
from pathlib import Path
from notify.local.stack import Stack
Stack(Path({str(data)!r}), port=int(sys.argv[1]), console=sys.stdout).run(lambda info: print("READY", flush=True))
"""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with subprocess.Popen(
            [sys.executable, "-c", code, str(port)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            said: list[str] = []
            while not said or said[-1] != "READY\n":
                said.append(process.stdout.readline())
                assert said[-1], "".join(said)  # it ended
            info = json.loads((data / "stack.json").read_text())
            process.send_signal(number)
            rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert any(f"Port {port} is taken" in line for line in said)
    assert not [line for line in said if line.startswith(("postgres ", "redis "))], (
        "a newcomer takes these for failures"
    )
    assert "database system is ready" in (data / "logs" / "postgres.log").read_text()
    assert info["url"] != f"http://127.0.0.1:{port}"
    assert not any(alive(pid) for pid in info["processes"].values())
    assert running(data) is None

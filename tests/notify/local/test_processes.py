"""The supervisor, on small real processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from notify.core.errors import NotFound, Unavailable
from notify.local.logs import Console
from notify.local.processes import Supervisor
from notify.local.program import Program, until

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SLEEP
NOTES_ITS_END = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('{0} ends'))); " + SLEEP

# A program that starts another one and prints its pid.
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}], stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""


def program(name: str, code: str, log: Path | None = None) -> Program:
    """It is ready when it has written its first line."""
    ready = (lambda: bool(log.exists() and log.read_text())) if log else (lambda: True)
    return Program(name, (sys.executable, "-c", code), dict(os.environ), ready=ready, ready_within_s=60.0)


def alive(pid: int) -> bool:
    """Running, and not merely waiting for its parent to notice its end."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.fixture
def screen() -> StringIO:
    return StringIO()


@pytest.fixture
def supervisor(tmp_path: Path, screen: StringIO) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "logs", Console(screen))
    yield supervisor
    supervisor.stop()


@pytest.fixture
def speaking(tmp_path: Path) -> Callable[[str, str], Program]:
    return lambda name, code: program(name, code, tmp_path / "logs" / f"{name}.log")


Speaking = Callable[[str, str], Program]


def test_lines_go_to_the_screen_with_their_name_and_into_a_file(
    supervisor: Supervisor, speaking: Speaking, screen: StringIO, tmp_path: Path
) -> None:
    supervisor.start(speaking("bell", SLEEP))
    assert until(lambda: "bell            | up\n" in screen.getvalue(), 60.0)
    log = tmp_path / "logs" / "bell.log"
    assert log.read_text() == "up\n"
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_crashed_process_is_started_again(supervisor: Supervisor, speaking: Speaking, screen: StringIO) -> None:
    supervisor.start(speaking("bell", SLEEP))
    first = supervisor.pids()["bell"]
    supervisor.kill("bell")
    assert until(lambda: supervisor.pids().get("bell", first) != first, 60.0)
    assert "bell ended (SIGKILL); starting it again in 0.5 s." in screen.getvalue()


def test_restart_returns_with_a_new_process_that_is_ready(supervisor: Supervisor, speaking: Speaking) -> None:
    supervisor.start(speaking("bell", SLEEP))
    first = supervisor.pids()["bell"]
    supervisor.restart("bell")
    assert supervisor.pids()["bell"] != first
    assert not alive(first)


def test_groups_end_in_reverse_order(supervisor: Supervisor, speaking: Speaking, screen: StringIO) -> None:
    for name in ("first", "second", "third"):
        supervisor.start(speaking(name, NOTES_ITS_END.format(name)))
    supervisor.stop()
    ends = [line.split("| ")[1] for line in screen.getvalue().splitlines() if "ends" in line]
    assert ends == ["third ends", "second ends", "first ends"]
    assert supervisor.pids() == {}


def test_a_process_that_ignores_sigterm_is_killed_after_its_deadline(
    supervisor: Supervisor, speaking: Speaking
) -> None:
    supervisor.start(replace(speaking("stubborn", STUBBORN), stop=((signal.SIGTERM, 0.3),)))
    pid = supervisor.pids()["stubborn"]
    supervisor.stop()
    assert not alive(pid)


def test_the_children_of_a_child_end_too(supervisor: Supervisor, speaking: Speaking, tmp_path: Path) -> None:
    supervisor.start(speaking("parent", PARENT))
    grandchild = int((tmp_path / "logs" / "parent.log").read_text())
    assert alive(grandchild)
    supervisor.stop()
    assert until(lambda: not alive(grandchild), 60.0)


def test_a_program_that_fails_at_once_says_its_last_words(supervisor: Supervisor) -> None:
    with pytest.raises(Unavailable, match="`broken` ended before it was ready") as caught:
        supervisor.start(replace(program("broken", "raise SystemExit('no such table')"), ready=lambda: False))
    assert caught.value.details == ("no such table",)


def test_a_program_that_never_gets_ready_is_reported(supervisor: Supervisor) -> None:
    deaf = replace(program("deaf", SLEEP), ready=lambda: False, ready_within_s=0.3)
    with pytest.raises(Unavailable, match=r"`deaf` was not ready within 0\.3 s"):
        supervisor.start(deaf)


def test_a_one_shot_program_must_succeed(supervisor: Supervisor) -> None:
    supervisor.run(program("good", "print('done')"))
    with pytest.raises(Unavailable, match=r"`bad` failed \(code 3\)"):
        supervisor.run(program("bad", "raise SystemExit(3)"))


def test_an_unknown_name_lists_the_known_ones(supervisor: Supervisor, speaking: Speaking) -> None:
    supervisor.start(speaking("bell", SLEEP))
    with pytest.raises(NotFound, match=r"no process 'bel' in this stack\. There are: bell\."):
        supervisor.kill("bel")


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    code = f"""
import os, sys
from pathlib import Path
from threading import Event
from notify.local.processes import Supervisor
from notify.local.program import Program
supervisor = Supervisor(Path({str(tmp_path)!r}))
supervisor.start(*(Program(n, (sys.executable, "-c", {SLEEP!r}), dict(os.environ)) for n in ("one", "two")))
print(*supervisor.pids().values(), flush=True)
Event().wait()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as stack:
        assert stack.stdout is not None
        children = [int(pid) for pid in stack.stdout.readline().split()]
        assert len(children) == 2
        assert all(alive(pid) for pid in children)
        stack.kill()
    assert until(lambda: not any(alive(pid) for pid in children), 60.0)

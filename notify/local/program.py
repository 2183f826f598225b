"""A program of the stack: its definition, and how its process is started and ended."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic

LAUNCH = Path(__file__).with_name("launch.py")
TICK_S = 0.05

Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Program:
    """A command, how to tell that it is ready, and how to stop it."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]  # the whole environment; nothing is inherited
    ready: Callable[[], bool] = lambda: True  # called every 50 ms until it returns True
    ready_within_s: float = 60.0
    stop: tuple[tuple[signal.Signals, float], ...] = ((signal.SIGTERM, 10.0),)  # each with its deadline; then SIGKILL
    when_orphaned: signal.Signals = signal.SIGKILL  # sent when the supervisor is killed
    shown: bool = True  # on the console as well as in its log file
    uid: int = 0  # 0: the supervisor's own
    gid: int = 0


def spawn(program: Program) -> Process:
    """Start a program as the leader of its own session, with output and errors in one pipe."""
    numbers = (os.getpid(), program.when_orphaned.value, program.uid, program.gid)
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(LAUNCH), *map(str, numbers), *program.command],
        env=dict(program.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def end(program: Program, process: Process, hurry: Event | None = None) -> None:
    """Send the program's stop signals, each with its deadline (none once `hurry` is set); then SIGKILL its session."""
    for signal_, within_s in program.stop:
        if process.poll() is None:
            process.send_signal(signal_)
            until(lambda: process.poll() is not None or (hurry is not None and hurry.is_set()), within_s)
    kill_group(process)
    process.wait()


def kill_group(process: Process) -> None:
    """Kill all that is left of the process's session, including its children."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS raises the latter for a group of zombies
        os.killpg(process.pid, signal.SIGKILL)


def until(condition: Callable[[], bool], within_s: float) -> bool:
    """Wait for the condition. False when the time runs out first."""
    deadline = monotonic() + within_s
    pause = Event()
    while not condition():
        if monotonic() > deadline:
            return False
        pause.wait(TICK_S)
    return True


def how_it_ended(code: int) -> str:
    """`Popen.returncode` in words."""
    if code >= 0:
        return f"code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"

"""The data folder of a stack: its settings, and the processes and addresses of a running stack.

env           TOCSIN_* settings, one NAME=VALUE a line; other commands read them
stack.json    process ids and addresses of the running stack
lock          held by the supervisor as long as it lives
secrets.json  see credentials.py
postgres/ redis/ logs/
"""

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from notify.core.errors import Invalid, Refused, Unavailable
from notify.local.credentials import write_private
from notify.local.program import until

LOADED = "TOCSIN_LOADED_FROM_DATA"  # the names of the settings that `load_env` added


@dataclass(frozen=True)
class StackInfo:
    """A running stack."""

    pid: int  # of its supervisor
    url: str  # of the console and the pages for residents
    simulator_url: str  # "" when it uses real providers
    data: str
    ready: bool = False
    processes: Mapping[str, int] = field(default_factory=dict)  # name -> pid


def running(data: Path) -> StackInfo | None:
    """The stack that runs on this data folder, if any."""
    try:
        with (data / "lock").open() as lock:
            if _lock(lock, fcntl.LOCK_SH):
                return None
    except FileNotFoundError:
        return None
    try:
        return StackInfo(**json.loads((data / "stack.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None  # it has only just started


def load_env(data: Path) -> bool:
    """Add the settings of this data folder to the environment, which takes precedence. False when the folder has none.

    Settings added by an earlier call are replaced: the addresses of a stack may change from one start to the next.
    """
    own = given()
    added = {name: value for name, value in read_env(data).items() if name not in own}
    os.environ.update(added)
    os.environ[LOADED] = " ".join(sorted({*os.environ.get(LOADED, "").split(), *added}))
    return (data / "env").exists()


def given() -> dict[str, str]:
    """The TOCSIN_* settings of the environment, without those that `load_env` added."""
    loaded = {LOADED, *os.environ.get(LOADED, "").split()}
    names = (name for name in os.environ if name.startswith("TOCSIN_") and name not in loaded)
    return {name: os.environ[name] for name in names if os.environ[name]}


def environment_without_settings() -> dict[str, str]:
    """The environment without its TOCSIN_* settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}


def read_env(data: Path) -> dict[str, str]:
    try:
        lines = (data / "env").read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def write_env(data: Path, settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        if "\n" in value:
            raise Invalid(f"The setting {name} has more than one line.")
    write_private(data / "env", "".join(f"{name}={value}\n" for name, value in sorted(settings.items())))


def write_info(data: Path, info: StackInfo) -> None:
    write_private(data / "stack.json", json.dumps(asdict(info), indent=2) + "\n")


def claim(data: Path) -> TextIO:
    """Create the folder and lock it, until the returned file is closed. Raises Refused when another stack has it."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (data / "lock").open("a")
    except OSError as error:
        raise Unavailable(
            f"{data} cannot be used: {error.strerror}.", hint="Choose another folder with --data."
        ) from error
    # Wait a moment, because `running` holds the lock while it looks.
    if until(lambda: _lock(lock, fcntl.LOCK_EX), within_s=0.5):
        return lock
    lock.close()
    other = running(data)
    who = f"process {other.pid}, {other.url}" if other else "it is just starting"
    raise Refused(
        f"Tocsin is already running on {data} ({who}).",
        hint="Stop it with Ctrl-C where it was started, or choose another folder with --data.",
    )


def _lock(file: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

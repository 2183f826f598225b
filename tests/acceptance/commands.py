"""Commands in processes of their own, which need not import everything anew: most of their time goes into that."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

COMMANDS = [f"notify.cli.{name}" for name in ("root", "alert", "senders", "subscribers", "zones")]
PATIENCE_S = 120.0

# Its server has imported them, and forks one process for each command.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(COMMANDS)


def newcomers() -> dict[str, str]:
    """The environment of somebody who has no stack yet: without what the shared one of other tests has set.

    There are no quiet hours in it: a test runs at any hour.
    """
    ours = ("TOCSIN_", "CLOCK_STEPS", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"TOCSIN_QUIET_HOURS": "off"}


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`tocsin` and these arguments, in this process's environment, as `subprocess.run` would have it."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("stdout", "stderr")]
        process = _processes.Process(target=_command, args=(arguments, dict(os.environ), [str(p) for p in paths]))
        process.start()
        process.join(PATIENCE_S)
        if process.exitcode is None:
            process.kill()
            pytest.fail(f"`tocsin {' '.join(arguments)}` has not ended.")
        stdout, stderr = (path.read_text() for path in paths)
        return subprocess.CompletedProcess(["tocsin", *arguments], process.exitcode, stdout, stderr)


def _command(arguments: tuple[str, ...], environment: dict[str, str], paths: list[str]) -> None:
    for number, path in enumerate(paths, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["tocsin", *arguments]
    from notify.cli import main

    main()

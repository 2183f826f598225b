"""docs/restore.md, word for word, on a stack of `tocsin up`; and `tocsin restored` while others are connected."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from notify.core.errors import Refused
from notify.local import ports
from notify.operations import restoring
from tests.acceptance.commands import newcomers, run_command
from tests.acceptance.test_watched import process
from tests.waiting import until

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "restore.md").read_text()
COPY, DUMP, PUT_BACK, NEW_FOLDER, LOAD, HOLD = re.findall(
    r"^```sh\n(.*?)^```",
    PAGE.partition("## The commands: `tocsin up`")[2].partition("\n## ")[0],
    re.MULTILINE | re.DOTALL,
)


class Shell:
    """Terminals in a folder that holds a checkout's `.venv`, with README's alias."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".venv").symlink_to(Path(sys.prefix))
        self._said = folder / "said"

    def type(self, *lines: str) -> str:
        typed = "\n".join(("set -e", 'tocsin() { .venv/bin/python -m notify.cli "$@"; }', *lines))
        done = subprocess.run(
            ["bash", "-c", typed], cwd=self.folder, env=newcomers(), capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def up(self, *options: str) -> Iterator[None]:
        """`tocsin up` in the first terminal, until Ctrl-C."""
        command = [".venv/bin/python", "-m", "notify.cli", "up", "--port", str(ports.free()), *options]
        with self._said.open("w") as file:
            up = subprocess.Popen(
                command, cwd=self.folder, env=newcomers(), stdout=file, stderr=file, start_new_session=True
            )
        try:
            until(lambda: "Ctrl-C" in self._said.read_text() or up.poll() is not None, 120, "it serves")
            assert up.poll() is None, self._said.read_text()
            yield
            os.killpg(up.pid, signal.SIGINT)
            assert up.wait(60) == 0, self._said.read_text()
        finally:
            if up.poll() is None:
                os.killpg(up.pid, signal.SIGKILL)
                up.wait(60)


@pytest.mark.long
@pytest.mark.parametrize("way", ["copy", "dump"])
def test_the_page_word_for_word_on_a_stack_of_this_machine(way: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    back_up = COPY if way == "copy" else DUMP
    with shell.up():
        if way == "dump":
            shell.type(back_up)
        shell.type("tocsin operators add before@example.org --role admin")
        if way == "dump":
            shell.type(back_up)
    if way == "copy":
        shell.type(back_up)
        next_second()
        shell.type(back_up)
    with shell.up():
        shell.type("tocsin operators add after@example.org --role admin")
        refused = shell.type("! tocsin restored 2>&1")
        for one in ("api", "worker", "scheduler"):
            assert re.search(rf"{one} \(process \d+ on 127\.0\.0\.1\)", refused), refused
    shell.type(PUT_BACK if way == "copy" else NEW_FOLDER)
    next_second()
    shell.type(PUT_BACK if way == "copy" else NEW_FOLDER)  # a second time, when all the names of the first are there
    with shell.up("--servers"):
        tools = DUMP.splitlines()[0]
        held = shell.type(*((tools, LOAD) if way == "dump" else ()), HOLD)
        assert "Start the workers, the scheduler and the API now." in held
    assert not list(tmp_path.glob("tocsin-*/tocsin-*")), "no copy went into another one"
    for made in tmp_path.glob("tocsin-*"):
        assert ignored(made), f"{made.name} could be committed"
        if made.is_file():
            assert made.stat().st_mode & 0o077 == 0, f"others may read {made.name}"
    with shell.up():
        listed = shell.type("tocsin operators list")
    assert ("before@example.org" in listed, "after@example.org" in listed) == (True, False)


def next_second() -> None:
    """The page's names hold the time: nobody types a command twice in a second."""
    now = int(time.time())
    until(lambda: int(time.time()) > now, 5, "the clock has moved on")


def ignored(made: Path) -> bool:
    """By Git, in a checkout."""
    name = made.name + "/" * made.is_dir()
    return subprocess.run(["git", "check-ignore", "--no-index", "-q", name], cwd=ROOT, check=False).returncode == 0


def connected(url: str, kind: str) -> bool:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE %s",
            [f"tocsin {kind} %"],
        )
        return found.rowcount > 0


@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize("kind", ["worker", "scheduler", "api"])
def test_it_is_refused_while_a_process_is_connected(kind: str, own_database: str, tmp_path: Path) -> None:
    options = ["--port", str(ports.free())] if kind == "api" else []
    with process(tmp_path / kind, kind, *options):
        until(lambda: connected(own_database, kind), 60, "it is connected")
        done = run_command("restored")
    assert done.returncode == 2, done.stdout
    assert re.search(rf"connected to the restored database: {kind} \(process \d+ on", done.stderr), done.stderr


def test_it_waits_for_a_process_that_is_about_to_connect(own_database: str) -> None:
    """As after the server was restarted: whoever lives finds it within the time between two heartbeats."""
    with ThreadPoolExecutor() as pool, psycopg.connect(own_database, autocommit=True) as looking:
        refusal = pool.submit(restoring.refuse_while_connected, 60)
        # Between two looks its connection waits, behind the end of a transaction.
        asked = """SELECT FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()
                      AND state = 'idle' AND query ~* '^(commit|rollback)'"""
        until(lambda: looking.execute(asked).rowcount > 0, 60, "it has looked once")
        with psycopg.connect(own_database, application_name="tocsin scheduler 7 0123456789ab"):
            assert isinstance(refusal.exception(30), Refused)


def test_another_role_is_shown_what_is_connected(own_database: str, server_urls: dict[str, str]) -> None:
    """What PostgreSQL hides of the connections of others is where they come from."""
    name = make_url(own_database).database
    owner = make_url(server_urls["TOCSIN_MIGRATION_DATABASE_URL"]).set(database=name)
    with (
        psycopg.connect(owner.render_as_string(hide_password=False), application_name="tocsin worker 7 0123456789ab"),
        pytest.raises(Refused, match=r"worker \(process 7\)"),
    ):
        restoring.refuse_while_connected(0)

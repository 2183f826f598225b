"""Fixtures for all tests: a PostgreSQL and a Redis of their own, and no network beyond this machine.

`TOCSIN_TEST_DATABASE_URL` (a user who may create databases and roles) and `TOCSIN_TEST_REDIS_URL` (its database number
is emptied, and so are those after it where several tests are at work) name servers to test on; without them each
process that tests starts embedded ones of its own.

All code under test connects as the role of our processes, which may do what it needs and no more. The databases belong
to another role, which migrates and empties them (`tests.owner`).
"""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, LiteralString

import hypothesis
import psycopg
import pytest
import redis as redis_client
import structlog
from psycopg import sql
from sqlalchemy import make_url
from xdist.scheduler import LoadFileScheduling

from notify import migrations
from notify.audience import live_count
from notify.core import crypto, db
from notify.core.settings import settings
from notify.delivery import sender_pool
from notify.local import ports
from notify.local.stack import servers
from notify.outside import fetching
from notify.service311.open311 import client as open311_client
from tests import network
from tests.connections import Kept
from zones.files import quarantine

SECRET_KEY = "a key for tests, and for nothing else"
OWNER = "TOCSIN_MIGRATION_DATABASE_URL"
GIVEN = {"TOCSIN_DATABASE_URL": "TOCSIN_TEST_DATABASE_URL", "TOCSIN_REDIS_URL": "TOCSIN_TEST_REDIS_URL"}
_numbers = count(1)

# A busy machine may take longer than usual for any example, and to make one up.
hypothesis.settings.register_profile("tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("tests")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> "FewStacks | None":
    return FewStacks(config, log) if config.getoption("dist") == "loadfile" else None


class FewStacks(LoadFileScheduling):
    """Gives the files of a package that starts a stack of all processes to one or two of the processes that test, not
    to each: to start one takes half a minute of both processors, and it is never idle."""

    AT_ONCE: ClassVar = {"tests/acceptance/": 2, "tests/browser/stack/": 1}

    def __init__(self, config: pytest.Config, log: object) -> None:
        super().__init__(config, log)
        self._numbers: dict[str, int] = {}  # file -> its place among those of the packages

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        for package, at_once in self.AT_ONCE.items():
            if file.startswith(package):
                return f"{package}{self._numbers.setdefault(file, len(self._numbers)) % at_once}"
        return file


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Each of several processes begins to read the tests elsewhere: what one has prepared, others find prepared."""
    if "PYTEST_XDIST_WORKER" not in os.environ or session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    here = Path(__file__).parent
    places = [place for folder in (here, here / "notify") for place in folder.iterdir() if place.name != "notify"]
    places = sorted(place for place in places if place.match("test_*.py") or any(place.glob("**/test_*.py")))
    begins = len(places) * _worker() // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    session.config.args = [str(place) for place in places[begins:] + places[:begins]]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the same order everywhere, as pytest-xdist wants it."""
    items.sort(key=lambda item: item.path.parts)


@pytest.fixture(scope="session", autouse=True)
def _own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A shell may hold the settings of a real installation, and `make run` leaves some in the working folder: no test
    may ever see them."""
    with pytest.MonkeyPatch.context() as session:
        for name in [name for name in os.environ if name.startswith("TOCSIN_") and name not in GIVEN.values()]:
            session.delenv(name)
        session.setenv("TOCSIN_DATA", str(tmp_path_factory.getbasetemp() / "no stack"))
        session.setenv("TOCSIN_QUIET_HOURS", "off")  # a test runs at any hour
        session.setenv("TOCSIN_CITY_CENTER", "-75,40")  # so that a first import from there is not asked about
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_ports() -> Iterator[None]:
    """Several processes that test choose free ports at once, and listen on them a moment later."""
    with pytest.MonkeyPatch.context() as session:
        session.setattr(ports, "BELOW_EPHEMERAL", ports.BELOW_EPHEMERAL[_worker() % 8 :: 8])
        yield


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A shell has what it starts in the background ignore SIGINT, and so would all that we start."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as session:
        network.block(session, [os.environ.get(name, "") for name in GIVEN.values()])
        yield


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A command that a test runs in this process sets up logging for itself."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers, root.level, structlog.get_config()
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.configure(**configured)


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """How soon a file from a stranger or a slow server is given up is the subject of few tests; a busy machine has
    longer for it, and half of the time for a server is for connecting."""
    with pytest.MonkeyPatch.context() as session:
        for asks in (fetching, open311_client):
            session.setattr(asks, "TIMEOUT_S", 60.0)
        for name in ("SECONDS", "ROWS_SECONDS"):
            session.setattr(quarantine, name, 60.0)
        yield


@pytest.fixture(scope="session")
def server_urls(_own_settings: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The URLs of PostgreSQL (of its owner, and of our processes) and Redis, by the names of their settings."""
    with pytest.MonkeyPatch.context() as while_starting:
        for name in (*GIVEN, OWNER):  # a stack of an acceptance test may be there already, and ends before the session
            while_starting.delenv(name, raising=False)
        for name, given in GIVEN.items():
            if given in os.environ:
                while_starting.setenv(name, os.environ[given])
        if redis_url := os.environ.get("TOCSIN_REDIS_URL"):
            while_starting.setenv("TOCSIN_REDIS_URL", _own_database(redis_url))
        running = servers(tmp_path_factory.mktemp("servers"))
        urls = running.__enter__()
    if OWNER in urls:
        # A database that lives for one test need not survive a power cut; without this each costs 0.2 s more.
        _ask(urls[OWNER], "ALTER SYSTEM SET fsync = off")
        _make_sign_in_quick(urls[OWNER])
        _ask(urls[OWNER], "SELECT pg_reload_conf()")
    else:
        app = make_url(urls["TOCSIN_DATABASE_URL"]).set(username="tocsin_test_app", password="for tests")
        urls |= {OWNER: urls["TOCSIN_DATABASE_URL"], "TOCSIN_DATABASE_URL": app.render_as_string(hide_password=False)}
    try:
        yield urls
    finally:
        running.__exit__(None, None, None)


def _make_sign_in_quick(owner: str) -> None:
    """Each connection proves its password anew, and 4,096 rounds of a hash take half of the time to connect."""
    role = make_url(owner)
    with closing(psycopg.connect(owner, autocommit=True)) as connection:
        connection.execute("ALTER SYSTEM SET scram_iterations = 1")  # for roles that are made later
        connection.execute("SET scram_iterations = 1")
        known = sql.Identifier(str(role.username)), sql.Literal(role.password)
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(*known))


@pytest.fixture(scope="session")
def template(server_urls: dict[str, str]) -> Iterator[str]:
    """The name of a database with our schema and nothing in it, to be cloned."""
    name = f"tocsin_test_{os.getpid()}"
    _ask(server_urls[OWNER], "CREATE DATABASE {}", name)
    with pytest.MonkeyPatch.context() as while_migrating:
        for setting, url in _of_database(server_urls, name).items():
            while_migrating.setenv(setting, url)
        _forget()
        migrations.upgrade()
        _forget()
    yield name
    _ask(server_urls[OWNER], "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture(scope="session")
def shared(template: str, server_urls: dict[str, str]) -> Iterator["Emptied"]:
    """The database that most tests use, one after another: to empty it takes a third of the time of a new one."""
    name = f"{template}_shared"
    with (
        _cloned(server_urls, name, template) as urls,
        closing(Kept(name)) as kept,
        closing(Emptied(urls, kept)) as emptied,
        pytest.MonkeyPatch.context() as session,
    ):
        session.setattr(db, "create_engine", kept.create_engine)
        yield emptied


@pytest.fixture
def database(shared: "Emptied", monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A migrated, empty PostgreSQL database, in the settings and the environment: its URL for our processes."""
    with _in_use(shared.urls, monkeypatch):
        yield shared.urls["TOCSIN_DATABASE_URL"]
    shared.empty()


@pytest.fixture
def own_database(template: str, server_urls: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same, for a test that changes the schema or the database itself."""
    name = f"{template}_{next(_numbers)}"
    with _cloned(server_urls, name, template) as urls, _in_use(urls, monkeypatch):
        yield urls["TOCSIN_DATABASE_URL"]


@contextmanager
def _cloned(servers: dict[str, str], name: str, template: str) -> Iterator[dict[str, str]]:
    _ask(servers[OWNER], "CREATE DATABASE {} TEMPLATE {}", name, template)
    yield _of_database(servers, name)
    _ask(servers[OWNER], "DROP DATABASE {} WITH (FORCE)", name)


@contextmanager
def _in_use(urls: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, url in urls.items():
        monkeypatch.setenv(name, url)
    monkeypatch.setenv("TOCSIN_SECRET_KEY", SECRET_KEY)
    monkeypatch.setattr(sender_pool, "_read_s", float("-inf"))  # senders that were read from another test's database
    _forget()
    yield
    _forget()


EMPTIED_WITHIN_S, EMPTIED_TRIES = 30, 4

# A function, so that its plan is kept. To delete a few rows is quick, while to truncate means a new file for each
# index; but what is deleted leaves holes.
FUNCTION: LiteralString = """
    -- No triggers, and any order. For each time that it changes, all plans are forgotten.
    SELECT set_config('session_replication_role', 'replica', false) WHERE current_setting('is_superuser') = 'on';
    CREATE FUNCTION pg_temp.empty() RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        may_delete boolean := current_setting('is_superuser') = 'on';
        statement text;
    BEGIN
        FOREACH statement IN ARRAY coalesce((
            SELECT array_agg(format(
                       CASE WHEN may_delete AND NOT used THEN 'DELETE FROM %I' ELSE 'TRUNCATE %I CASCADE' END, name))
              FROM unnest(ARRAY[{names}]::text[], ARRAY[{has_rows}]) AS tables(name, has_rows)
              JOIN pg_class ON oid = name::regclass
              CROSS JOIN LATERAL (SELECT pg_relation_size(oid) > 128 * 1024 OR reltuples >= 0) AS _(used)
             WHERE used OR has_rows), '{{}}') LOOP
            EXECUTE statement;
        END LOOP;
    END $$
"""
EMPTY: LiteralString = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL ({kept}::int[]);
    SELECT pg_temp.empty();
    UPDATE alembic_version SET version_num = {schema} WHERE version_num <> {schema};
    SELECT setval(format('%I', sequencename)::regclass, start_value, false) FROM pg_sequences
     WHERE last_value IS NOT NULL;  -- of the others, too: an insert that was rolled back has used a number
    DO $$ BEGIN  -- until they have ended, the next test sees their locks and statements
        -- Ended again and again: one that was still connecting above had no name yet, and would wait for our locks.
        WHILE EXISTS (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                       WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL ({kept}::int[])
                         AND backend_type = 'client backend' AND backend_start < now()) LOOP
            PERFORM pg_sleep(0.002), pg_stat_clear_snapshot();
        END LOOP;
    END $$;
"""


class Emptied:
    """A database that is as its migrations left it whenever a test begins."""

    def __init__(self, urls: dict[str, str], kept: Kept) -> None:
        self.urls = urls
        self._kept = kept
        self._connection: psycopg.Connection[Any] | None = None
        with closing(psycopg.connect(urls[OWNER])) as connection:
            tables = [
                name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ]
            emptied = [name for name in tables if not _has_rows(connection, name)]
            schema = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        self._schema = sql.Literal(schema and schema[0])
        has_rows = (sql.SQL("EXISTS (SELECT FROM {})").format(sql.Identifier(name)) for name in emptied)
        self._function = sql.SQL(FUNCTION).format(
            names=sql.SQL(", ").join(map(sql.Literal, emptied)), has_rows=sql.SQL(", ").join(has_rows)
        )

    def empty(self) -> None:
        """Begins anew when it has waited too long: whoever holds what it waits for is then ended first.

        Its connection is kept: a new one would have to learn all tables first, which takes four fifths of the time.
        """
        others: list[Any] = []
        for _ in range(EMPTIED_TRIES):
            kept = sql.Literal(self._kept.backends())
            try:
                self._connected().execute(sql.SQL(EMPTY).format(schema=self._schema, kept=kept))
            except psycopg.errors.QueryCanceled:
                asked = "SELECT * FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                others = self._connected().execute(asked).fetchall()
            except psycopg.OperationalError:
                self._disconnect()  # a test has ended it
            else:
                return
        raise AssertionError(f"The database could not be emptied beside these: {others}")

    def close(self) -> None:
        self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connected(self) -> "psycopg.Connection[Any]":
        if self._connection is None:
            late = f"-c statement_timeout={EMPTIED_WITHIN_S}s"
            self._connection = psycopg.connect(self.urls[OWNER], autocommit=True, options=late)
            self._connection.execute(self._function)
        return self._connection


def _has_rows(connection: "psycopg.Connection[Any]", table: str) -> bool:
    row = connection.execute(_of("SELECT EXISTS (SELECT FROM {})", table)).fetchone()
    return row is not None and bool(row[0])


@pytest.fixture
def redis(server_urls: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator["redis_client.Redis"]:
    """An empty Redis, in the settings and the environment."""
    url = server_urls["TOCSIN_REDIS_URL"]
    monkeypatch.setenv("TOCSIN_REDIS_URL", url)
    settings.cache_clear()
    with closing(redis_client.Redis.from_url(url)) as client:
        client.flushdb()
        yield client
    settings.cache_clear()


def _forget() -> None:
    """What this process remembers of the settings that were."""
    settings.cache_clear()
    crypto.forget_keys()
    db.forget_engine()
    live_count.forget()


def _of_database(servers: dict[str, str], name: str) -> dict[str, str]:
    return {
        setting: make_url(servers[setting]).set(database=name).render_as_string(hide_password=False)
        for setting in (OWNER, "TOCSIN_DATABASE_URL")
    }


def _own_database(redis_url: str) -> str:
    url = make_url(redis_url)
    return url.set(database=str(int(url.database or 0) + _worker())).render_as_string(hide_password=False)


def _worker() -> int:
    """The number of this process, where pytest-xdist has several at work."""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def _ask(server: str, question: LiteralString, *names: str) -> None:
    with closing(psycopg.connect(server, autocommit=True)) as connection:
        connection.execute(_of(question, *names))


def _of(question: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(question).format(*map(sql.Identifier, names))

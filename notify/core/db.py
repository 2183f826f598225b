"""All access to PostgreSQL: one engine per process, and transactions that the reader can see.

    with transaction() as s:
        alerts.approve(s, ...)

Domain functions take the session and never commit. The caller does what must
happen after the commit (ringing a batch) after the block.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import psycopg
import structlog
from sqlalchemy import Connection, Engine, create_engine, event, exc, text
from sqlalchemy.orm import Session

from notify.core.connection import READ_ONLY, check_key, parameters
from notify.core.errors import Unavailable
from notify.core.process import once
from notify.core.settings import settings
from notify.core.translation import gettext as _

log = structlog.get_logger()
T = TypeVar("T")
R = TypeVar("R")

# PostgreSQL is stopped, starting, unreachable or out of disk space; or all of our connections are in use
# (exc.TimeoutError).
AWAY = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError, psycopg.OperationalError, psycopg.InterfaceError)
TRY_AGAIN_S = 0.25

RESOLVER_CONNECTIONS = 24  # of one worker: lanes x `worker_slots.RESOLVERS` x (a lock and `fanout.WRITERS`)
HOOK_CONNECTIONS = 8  # of one web server: replies and receipts use half as many threads each

# The queries for each window of messages read at most a thousand rows by key. Without fresh statistics, which a table
# that grows by a million rows a minute never has, PostgreSQL would read whole tables instead.
BY_KEY = "-c enable_hashjoin=off -c enable_mergejoin=off -c enable_seqscan=off"


@once
def engine() -> Engine:
    """The general pool of this process."""
    return _engine()


@once
def _engine_by_key() -> Engine:
    return _engine(BY_KEY)


@once
def hooks_engine() -> Engine:
    """The pool for webhooks: no other query of the process may keep a STOP waiting for a connection."""
    return _engine(size=HOOK_CONNECTIONS)


@once
def inner_engine() -> Engine:
    """The pool for what is read within other transactions: if all connections of the general pool were held by those
    who wait for such a reading, none would be left for it."""
    return _engine(size=1)


@once
def front_engine() -> Engine:
    """The pool for the question whether public pages have changed, which nothing else may keep waiting."""
    return _engine(size=1)


@once
def resolvers_engine() -> Engine:
    """The pool for resolving audiences, so that sending never waits, however many alerts are launched at once."""
    return _engine(size=RESOLVER_CONNECTIONS)


@once
def reading_engine() -> Engine:
    """The pool for code that must not write anything, not even the database's first key fingerprint."""
    return _engine(READ_ONLY, size=1, records=False)


def _engine(options: str = "", size: int = 0, *, records: bool = True) -> Engine:
    """`records`: see `check_key`."""
    made = _unchecked(settings().require_database(), options, size)
    event.listen(made, "connect", lambda opened, _record: check_key(opened, records=records))
    return made


def _unchecked(url: str, options: str = "", size: int = 0) -> Engine:
    return create_engine(
        "postgresql+psycopg://",
        pool_size=size or settings().worker_threads + 4,
        max_overflow=0 if size else 16,
        pool_pre_ping=True,
        hide_parameters=True,  # an error that is logged must not show an address (law 9)
        connect_args=parameters(url, options),
    )


@contextmanager
def transaction(pool: Callable[[], Engine] = engine) -> Iterator[Session]:
    """A session whose block is one transaction: committed at its end, rolled back by an exception."""
    with Session(pool(), expire_on_commit=False) as s, s.begin():
        yield s


def exists(rows: str, **values: Any) -> bool:
    """Whether a query returns any rows: one round trip and no transaction, for checks made every second."""
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return bool(connection.execute(text(f"SELECT EXISTS ({rows})"), values).scalar_one())


def take_lock(s: Session, number: int) -> None:
    """Take an advisory lock, to be held until the transaction ends, and wait for whoever holds it."""
    s.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


@contextmanager
def one_moment() -> Iterator[Session]:
    """A read-only session that sees one snapshot, whatever is committed meanwhile."""
    with (
        engine().connect().execution_options(isolation_level="REPEATABLE READ") as connection,
        Session(connection, expire_on_commit=False) as s,
        s.begin(),
    ):
        s.execute(text("SET TRANSACTION READ ONLY"))
        yield s


@contextmanager
def statements() -> Iterator[psycopg.Cursor[Any]]:
    """A cursor whose every statement is a transaction of its own, in one round trip instead of three.

    For the few statements that run for each window of messages and find their rows by key. SQL is psycopg's
    (`%(name)s`), prepared after a few runs, with binary results. Raises psycopg.Error.
    """
    borrowed = _engine_by_key().raw_connection()
    try:
        connection = borrowed.driver_connection
        assert isinstance(connection, psycopg.Connection)  # noqa: S101  the engine has no other driver
        connection.autocommit = True
        try:
            with connection.cursor(binary=True) as cursor:
                yield cursor
        finally:
            if not connection.closed:
                connection.autocommit = False
    finally:
        borrowed.close()


def persistently(work: Callable[[], None], within_s: float) -> None:
    """Call `work`, and again while PostgreSQL is away; raise its error after `within_s` seconds.

    `work` may be done twice, because an answer can be lost on its way back.
    """
    until_s = time.monotonic() + within_s
    while True:
        try:
            work()
            return
        except AWAY as error:
            if time.monotonic() >= until_s:  # a single try can take half a minute
                raise
            log.warning("database.away", error=reason(error))
            time.sleep(TRY_AGAIN_S)


def in_halves(
    items: Sequence[T],
    work: Callable[[Sequence[T]], R],
    refused: Callable[[T, Exception], None],
    within: Callable[[], AbstractContextManager[object]] = nullcontext,
) -> list[R]:
    """Call `work(items)`; when PostgreSQL refuses one item, still do the others (law 15).

    Refused items are split in halves until the single culprits are left, which are passed to `refused`. Each try runs
    `within` a context that rolls it back, such as `s.begin_nested`. Returns the results of the parts. Raises AWAY.
    """
    if not items:
        return []
    try:
        with within():
            return [work(items)]
    except AWAY:
        raise
    except (exc.DBAPIError, psycopg.Error) as error:
        if len(items) == 1:
            refused(items[0], error)
            return []
    middle = len(items) // 2
    halves = (items[:middle], items[middle:])
    return [done for half in halves for done in in_halves(half, work, refused, within)]


def reason(error: BaseException) -> str:
    """The kind of a database error, for a log: its message could show a resident's data (law 9)."""
    return type(getattr(error, "orig", None) or error).__name__


def lacks_schema(error: BaseException) -> bool:
    """Whether a statement failed because the migrations have not run."""
    cause = getattr(error, "orig", None) or error
    return isinstance(cause, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn)


def unavailable(error: BaseException) -> Unavailable:
    """The error for people when the database is AWAY."""
    if isinstance(getattr(error, "orig", None) or error, psycopg.errors.DiskFull):
        return Unavailable(
            _("The disk of the database is full."),
            hint=_("Free some space there. Nothing is lost; sending resumes by itself."),
        )
    if isinstance(error, exc.TimeoutError):
        return Unavailable(_("All connections to the database are in use."), hint=_("Try again in a moment."))
    return Unavailable(_("The database does not answer."))


def raw(s: Session | Connection) -> psycopg.Connection[Any]:
    """The psycopg connection below a session, for COPY, inside the same transaction."""
    connection = (s.connection() if isinstance(s, Session) else s).connection.driver_connection
    assert isinstance(connection, psycopg.Connection)  # noqa: S101  the engine has no other driver
    return connection


def schema_engine() -> Engine:
    """For migrations: the database may be empty, and no key is needed. The caller disposes of it."""
    return _unchecked(settings().require_schema_database())


@contextmanager
def schema_connection() -> Iterator["psycopg.Connection[Any]"]:
    """A connection of the role that owns the schema, every statement a transaction of its own."""
    engine = schema_engine()
    borrowed = engine.raw_connection()
    try:
        connection = borrowed.driver_connection
        assert isinstance(connection, psycopg.Connection)  # noqa: S101  the engine has no other driver
        connection.autocommit = True
        yield connection
    finally:
        borrowed.invalidate()  # this also ends the locks and settings of its session
        engine.dispose()


POOLS = (engine, _engine_by_key, hooks_engine, inner_engine, front_engine, resolvers_engine, reading_engine)


def forget_engine() -> None:
    """Close all pools, after the settings changed or a process forked."""
    for pool in POOLS:
        if made := pool.forget():
            close(made)


def close(pool: Engine) -> None:
    """Close a pool's connections: those in use when they come back, from a thread that still reads."""
    event.listen(pool.pool, "checkin", _close)
    pool.dispose()


def _close(connection: "psycopg.Connection[Any] | None", _record: object) -> None:
    if connection is not None:  # it is None if it was invalidated
        connection.close()

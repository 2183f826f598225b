"""The pulse of a process: a file whose modification time is that of the last heartbeat.

A container's health check looks at it with `find` every few seconds (docker-compose.yml). This takes no Python process,
and no server either, because a container must not be restarted when the database is away.
"""

import os
import tempfile
from pathlib import Path


def touch(kind: str) -> None:
    """Record that the main loop of this process is alive. Raises OSError."""
    handle = os.open(file(kind), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        os.utime(handle)
    finally:
        os.close(handle)


def file(kind: str) -> Path:
    """The pulse file of a process. `kind`: api, scheduler or worker."""
    return Path(tempfile.gettempdir()) / f"tocsin-{kind}.pulse"

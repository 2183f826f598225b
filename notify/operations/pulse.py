"""The pulse of a process of ours, for a container's health check: `python -m notify.operations.pulse worker`.

A file whose time is that of the last beat. Nothing but the standard library is imported and no server is asked, since
it is looked at every few seconds, and since a database that is away is no reason to restart anybody.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

HEALTHY_S = 60.0  # six beats


def touch(kind: str) -> None:
    """The main loop of this process turns. Raises OSError."""
    handle = os.open(_file(kind), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        os.utime(handle)
    finally:
        os.close(handle)


def age_s(kind: str) -> float:
    """Seconds since a process of this kind last beat here; infinite when none ever did."""
    try:
        return time.time() - _file(kind).stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def main(kind: str) -> int:
    """0 when a process of this kind is healthy, 1 when not."""
    since_s = age_s(kind)
    if since_s < HEALTHY_S:
        return 0
    sys.stderr.write(f"No heartbeat of a {kind} here for {since_s:.0f} s.\n")
    return 1


def _file(kind: str) -> Path:
    return Path(tempfile.gettempdir()) / f"tocsin-{kind}.pulse"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

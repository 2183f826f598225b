"""The bounds of a process that computes or reads what a stranger made: no secret, little memory, no core file."""

import contextlib
import os
import resource
from pathlib import Path

LARGEST_FILE = 1024**3  # that it may write; what is unpacked is checked besides
UNTOUCHED = 96  # MB of libraries that are loaded by now, and come into memory when they are first used
GRACE_S = 2.0  # beyond its deadline, at which it is killed anyway
_PACKAGES = Path(__file__).parents[1]


def environment(folder: Path) -> dict[str, str]:
    """No key and no address of ours; and what the libraries would else take to be quick."""
    single = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MALLOC_ARENA_MAX"), "1")
    return {
        "PATH": os.defpath,
        "PYTHONPATH": str(_PACKAGES),
        "PYTHONUTF8": "1",
        "TMPDIR": str(folder),
        "HOME": str(folder),
        "PROJ_NETWORK": "OFF",
        **single,
    }


def bound(megabytes: int, seconds: float) -> None:
    """Limit this process, at its beginning: memory, the libraries loaded by now included; files; time of the processor.

    The kernel counts addresses, of which the libraries reserve more than they use: so those do not count.
    """
    with contextlib.suppress(OSError):  # only Linux tells it this way, and only Linux keeps the limit
        pages, used, *_ = map(int, Path("/proc/self/statm").read_text().split())
        limit = (megabytes - UNTOUCHED) * 1024**2 + (pages - used) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for kind, most in ((resource.RLIMIT_FSIZE, LARGEST_FILE), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (most, most))
    allow(seconds)


def allow(seconds: float) -> None:
    """Let this process use so much time of the processor from now on; then the kernel ends it (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds + GRACE_S)
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))

"""The limits of a process that handles untrusted data: no secrets, little memory and CPU time, no core file."""

import contextlib
import os
import resource
from pathlib import Path

LARGEST_FILE = 1024**3  # that it may write; the sizes of unpacked files are checked separately
UNTOUCHED = 96  # MB of libraries that are mapped by now but not used yet
GRACE_S = 2.0  # after its deadline, at which it is killed anyway
_PACKAGES = Path(__file__).parents[1]


def environment(folder: Path) -> dict[str, str]:
    """Return an environment without our settings, in which the libraries use one thread and little memory."""
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
    """Limit this process, at its start: memory including the libraries loaded by now, file sizes and CPU time.

    The kernel limits address space, of which the libraries reserve more than they use, so that part is added.
    """
    with contextlib.suppress(OSError):  # only Linux has this file, and only Linux enforces the limit
        pages, used, *_ = map(int, Path("/proc/self/statm").read_text().split())
        limit = (megabytes - UNTOUCHED) * 1024**2 + (pages - used) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for kind, most in ((resource.RLIMIT_FSIZE, LARGEST_FILE), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (most, most))
    allow(seconds)


def allow(seconds: float) -> None:
    """Allow this process `seconds` of CPU time from now on; then the kernel ends it (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds + GRACE_S)
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))

"""Prepare a child process between fork and exec: give up root, and ask to be killed when the supervisor dies.

Run as a plain script (`python -I -S launch.py PARENT SIGNAL UID GID COMMAND...`), so that it starts in
milliseconds; it imports nothing of ours. It is a program rather than a `preexec_fn` because the supervisor has
threads, and Python code must not run in the fork of a threaded process. UID 0 or GID 0 means no change.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2

U32x2 = ctypes.c_uint32 * 2
U32x6 = ctypes.c_uint32 * 6  # effective, permitted, inheritable, for capabilities 0-31 and then 32-63


def main(arguments: list[str]) -> None:
    parent, signal_number, uid, gid = (int(argument) for argument in arguments[:4])
    command = arguments[4:]
    if uid:
        become(uid, gid)
    if sys.platform == "linux":
        # Only after the change of user, which clears it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("The supervisor ended before its child started.")
    os.execv(command[0], command)  # noqa: S606 -- no shell is wanted: the list is the command


def become(uid: int, gid: int) -> None:
    """Change to another user that can still reach files below folders closed to it, such as /root.

    PostgreSQL refuses to run as root, but root's virtual environment or data folder is often closed to everyone
    else. One ambient capability (capabilities(7)) lets the user pass, without changing any permissions.
    """
    capability = _capability_to_keep() if sys.platform == "linux" else None
    libc = ctypes.CDLL(None, use_errno=True)
    if capability is not None:
        # Without this bit setuid() drops the capability, and access(2) ignores it.
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if capability is not None:
        bit = 1 << capability
        libc.capset(U32x2(CAP_VERSION_3, 0), U32x6(bit, bit, bit, 0, 0, 0))
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def _capability_to_keep() -> int | None:
    """The weakest sufficient capability that we have: containers often grant only CAP_DAC_OVERRIDE."""
    held = U32x6()
    if ctypes.CDLL(None).capget(U32x2(CAP_VERSION_3, 0), held) != 0:
        return None
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if held[1] & (1 << capability):
            return capability
    return None


if __name__ == "__main__":
    main(sys.argv[1:])

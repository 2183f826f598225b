"""Free TCP ports on the loopback address."""

import socket

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        # macOS lets us bind beside a server that listens on every address, so ask first.
        if probe.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def near(port: int) -> int:
    """This port when it is free, else one of the next fifty, else any. Any, too, for port 0."""
    for candidate in range(port, min(port + 50, 65536)) if port else ():
        if is_free(candidate):
            return candidate
    return free()


def free(preferred: int | None = None) -> int:
    """The preferred port when it is free (so that addresses stay the same from run to run), else any."""
    if preferred and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])

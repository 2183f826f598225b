"""Free TCP ports on the loopback address."""

import random
import socket
import urllib.error
import urllib.request
from http.client import HTTPException

from notify.core.errors import Unavailable

HOST = "127.0.0.1"
# The kernel gives out higher ports for outgoing connections (ip(7): 32768 and above; 49152 on macOS). It could give one
# away after we choose it and before the server listens there.
BELOW_EPHEMERAL = range(20_000, 32_768)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        # macOS allows binding beside a server that listens on every address, so try to connect first.
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
    """This port if it is free, else one of the next fifty, else any free one. Port 0 means any."""
    for candidate in range(port, min(port + 50, 65536)) if port else ():
        if is_free(candidate):
            return candidate
    return free()


def free(preferred: int | None = None) -> int:
    """The preferred port if it is free, so that addresses stay the same from run to run; else any free one."""
    if preferred and is_free(preferred):
        return preferred
    for candidate in random.sample(BELOW_EPHEMERAL, 100):
        if is_free(candidate):
            return candidate
    raise Unavailable("No free port was found.", hint=f"100 ports of {HOST} between 20000 and 32767 were tried.")


def serves(url: str) -> bool:
    """Whether a GET is answered with a status below 500. Proxies of the environment are bypassed."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2.0):
            return True
    except urllib.error.HTTPError as error:
        error.close()  # it is an answer, too, and keeps its connection
        return error.code < 500
    except (OSError, HTTPException):  # a port without a listener may even connect to itself
        return False

"""A way to a server that can be cut as a cable is: neither end hears from the other, not even that it is gone."""

import ctypes
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

SO_ATTACH_FILTER = 26  # Linux; Python does not name it
DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)  # classic BPF: return 0, which is: take nothing of this packet


class Way:
    """Passes everything on between one client and a server, until it is cut."""

    def __init__(self, listening: socket.socket, server: tuple[str, int]) -> None:
        self.port: int = listening.getsockname()[1]
        self._listening, self._server = listening, server
        self._ends: list[socket.socket] = []
        self._thread = threading.Thread(target=self._pass_on, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """The kernel drops what comes in before TCP sees it, so that nothing is acknowledged."""
        program = ctypes.create_string_buffer(DROP_ALL)
        filter_ = struct.pack("HP", 1, ctypes.addressof(program))  # struct sock_fprog
        for end in self._ends:
            end.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filter_)

    def close(self) -> None:
        for end in self._ends:
            end.close()

    def _pass_on(self) -> None:
        client, _ = self._listening.accept()
        server = socket.create_connection(self._server)
        self._ends = [client, server]
        threading.Thread(target=_copy, args=(server, client), daemon=True).start()
        _copy(client, server)


def _copy(source: socket.socket, to: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            to.sendall(data)
    except OSError:
        pass  # one of the ends is closed


@contextmanager
def way_to(host: str, port: int) -> Iterator[Way]:
    with socket.create_server(("127.0.0.1", 0)) as listening, closing(Way(listening, (host, port))) as way:
        yield way

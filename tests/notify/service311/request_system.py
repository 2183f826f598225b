"""The simulated request system of a city, in a thread of the tests: a process of its own would take seconds."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from notify.simulators.app import create_app
from notify.simulators.config import Config

KEY = "a key of the city"


@contextmanager
def running() -> Iterator[httpx.Client]:
    """Yield a client whose `base_url` is the simulator's."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(create_app(Config(open311_key=KEY)), log_config=None, timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        client.get("/_sim/behaviour").raise_for_status()  # waits until it serves
        yield client
    server.should_exit = True
    thread.join()


def anew(simulator: httpx.Client, **behaviour: Any) -> None:
    """Empty the simulator, and make it behave."""
    simulator.delete("/_sim/behaviour").raise_for_status()
    simulator.delete("/_sim/messages").raise_for_status()
    behave(simulator, **behaviour)


def behave(simulator: httpx.Client, **behaviour: Any) -> None:
    simulator.put("/_sim/behaviour", content=json.dumps({"open311": behaviour})).raise_for_status()


def stored(simulator: httpx.Client, **query: str) -> list[dict[str, Any]]:
    """What the city's system holds."""
    found: list[dict[str, Any]] = simulator.get("/open311/v2/requests.json", params=query).json()
    return found

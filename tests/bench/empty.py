"""The baseline of `receipts`: the same web server with an application that reads a body and does nothing.

A GET is answered with the CPU seconds that the process has used.
"""

import time
from typing import Any


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    asked = scope["method"] == "GET"
    await send({"type": "http.response.start", "status": 200 if asked else 204, "headers": []})
    await send({"type": "http.response.body", "body": f"{time.process_time()}".encode() if asked else b""})

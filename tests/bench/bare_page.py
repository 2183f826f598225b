"""What uvicorn answers at most: one page of a given size, by the smallest application.

python -m tests.bench.bare_page PORT BYTES
"""

import sys

import uvicorn
from starlette.types import Receive, Scope, Send


def main() -> None:
    port, size = map(int, sys.argv[1:])
    start = {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(size).encode())],
    }
    body = {"type": "http.response.body", "body": b"x" * size}

    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start)
        await send(body)

    uvicorn.run(page, host="127.0.0.1", port=port, lifespan="off", access_log=False, log_config=None)


if __name__ == "__main__":
    main()

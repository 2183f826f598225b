"""The practical limit of one core: aiohttp on uvloop posting ready-made bodies, AT_ONCE at a time, and nothing else.

    python -m tests.bench.bare URL CONTENT_TYPE AT_ONCE < BODIES

Bodies are lines of JSON strings. Prints one JSON document: seconds, CPU seconds, count.
"""

import asyncio
import json
import os
import sys
import time

import aiohttp
import uvloop


async def post_all(url: str, content_type: str, bodies: list[bytes], at_once: int) -> None:
    left = iter(bodies)
    headers = {"Authorization": "Basic YmVuY2g6YmVuY2g=", "Content-Type": content_type}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:

        async def carry() -> None:
            for body in left:
                async with client.post(url, data=body, headers=headers) as answer:
                    await answer.read()
                    if answer.status >= 300:
                        raise RuntimeError(f"The stand-in answered {answer.status}.")

        await asyncio.gather(*(carry() for _ in range(at_once)))


def main() -> None:
    url, content_type, at_once = sys.argv[1], sys.argv[2], int(sys.argv[3])
    bodies = [json.loads(line).encode() for line in sys.stdin]
    cpu, began = sum(os.times()[:2]), time.perf_counter()
    uvloop.run(post_all(url, content_type, bodies, at_once))
    seconds, cpu_s = time.perf_counter() - began, sum(os.times()[:2]) - cpu
    sys.stdout.write(json.dumps({"seconds": seconds, "cpu_s": cpu_s, "count": len(bodies)}))


if __name__ == "__main__":
    main()

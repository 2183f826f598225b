"""`make bench`: how fast we are, each part beside a baseline of the same run. Machines are noisy: read the ratios.

Nothing here fails on time; what each benchmark is to reach is printed beside what it reached.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from notify import logs
from tests.bench.audience import audience
from tests.bench.figures import Figure, save, show
from tests.bench.first import first
from tests.bench.geocode import geocode
from tests.bench.lanes import lanes
from tests.bench.parts import asking, residents
from tests.bench.receipts import receipts
from tests.bench.sending import email, scale, sms
from tests.bench.throttle import throttle

# By name; each takes `full`, which is to measure for longer than a coffee lasts.
BENCHMARKS: dict[str, Callable[[bool], Iterator[Figure]]] = {
    measured.__name__: measured
    for measured in (audience, residents, asking, geocode, sms, email, first, lanes, throttle, receipts, scale)
}


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    options.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; all of them without any")
    options.add_argument("--json", metavar="FILE", type=Path, help="write the figures there, too")
    options.add_argument(
        "--full", action="store_true", help="the sizes and times of docs/performance.md; takes an hour"
    )
    given = options.parse_args()
    if unknown := set(given.names) - set(BENCHMARKS):
        options.error(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}.")
    logs.configure("WARNING", "text")
    figures: list[Figure] = []
    for name in given.names or BENCHMARKS:
        began = time.monotonic()
        found = list(BENCHMARKS[name](given.full))
        show(name, found, time.monotonic() - began)
        figures += found
        if given.json:
            save(figures, given.json)


if __name__ == "__main__":
    main()

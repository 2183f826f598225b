"""`make bench`: measure the speed of each part with a baseline of the same run. Machines are noisy, so read the ratios.

Nothing here fails on time. The goal of each benchmark is printed with its result.
"""

import argparse
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from notify.core import logs
from tests.bench.audience import audience
from tests.bench.console import console
from tests.bench.desk import desk
from tests.bench.figures import Figure, save, show
from tests.bench.first import first
from tests.bench.geocode import geocode
from tests.bench.lanes import lanes
from tests.bench.parts import asking, importing
from tests.bench.receipts import receipts
from tests.bench.residents import residents
from tests.bench.rotation import rotation
from tests.bench.sending import email, scale, sms
from tests.bench.size import Size
from tests.bench.surge import surge
from tests.bench.throttle import throttle

BENCHMARKS: dict[str, Callable[[Size], Iterator[Figure]]] = {
    measured.__name__: measured
    for measured in (
        audience,
        importing,
        asking,
        geocode,
        sms,
        email,
        first,
        lanes,
        throttle,
        receipts,
        scale,
        console,
        residents,
        desk,
        rotation,
        surge,
    )
}


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    options.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; all by default")
    options.add_argument("--json", metavar="FILE", type=Path, help="also write the figures to this file")
    sizes = options.add_mutually_exclusive_group()
    sizes.add_argument("--full", dest="size", action="store_const", const=Size.FULL, help="takes an hour")
    sizes.add_argument(
        "--smoke", dest="size", action="store_const", const=Size.SMOKE, help="only check that everything runs"
    )
    given = options.parse_args()
    if unknown := set(given.names) - set(BENCHMARKS):
        options.error(f"There is no benchmark {', '.join(sorted(unknown))}. Benchmarks: {', '.join(BENCHMARKS)}.")
    broken = run(given.names or list(BENCHMARKS), given.size or Size.USUAL, given.json)
    if broken:
        raise SystemExit(f"These benchmarks failed: {', '.join(broken)}.")


def run(names: Sequence[str], size: Size, file: Path | None) -> list[str]:
    """Run benchmarks one after another. Return the names of those that failed; one does not stop the others."""
    figures: list[Figure] = []
    broken: list[str] = []
    for name in names:
        began = time.monotonic()
        try:
            found = list(BENCHMARKS[name](size))
        except Exception:
            traceback.print_exc()
            broken.append(name)
            continue
        show(name, found, time.monotonic() - began)
        figures += found
        if file:
            save(figures, file)
    return broken


if __name__ == "__main__":
    logs.configure("WARNING", "text")  # only when run as a command, not in tests of this module
    main()

"""Python loads this in every process of the tests' stack: it steps the wall clock of those that a file names.

As an operator or NTP would do it, in the midst of work. Each line of the file: a word of the command line, seconds.
"""

import os
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path


def step(file: Path) -> None:
    import time_machine

    stepped, travel = 0.0, None
    while True:
        wanted = sum(float(s) for word, s in map(str.split, _lines(file)) if word in sys.orig_argv)
        if wanted != stepped:
            if travel is not None:
                travel.stop()
            stepped, travel = wanted, None
            if stepped:
                right = time.time() - time.monotonic()
                travel = time_machine.travel(datetime.now(UTC) + timedelta(seconds=stepped), tick=True)
                # What passed until it began would be a step of its own.
                travel.start().shift(right + stepped - (time.time() - time.monotonic()))
        time.sleep(0.05)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []


if "notify.cli" in sys.orig_argv and os.environ.get("CLOCK_STEPS"):
    threading.Thread(target=step, args=(Path(os.environ["CLOCK_STEPS"]),), daemon=True).start()

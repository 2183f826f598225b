"""The output of the processes, copied to a log file each and, prefixed with the name, to the console."""

import contextlib
import os
from io import FileIO
from pathlib import Path
from subprocess import Popen
from threading import Lock, Thread
from typing import IO, TextIO

MAX_BYTES = 10 * 1024 * 1024  # of one log file; one older file is kept beside it
COLOURS = (36, 33, 35, 32, 34, 96, 93, 95)  # ANSI foreground colours that read well on black and on white
NAME_WIDTH = 16
COMPLAINT = "tocsin: "  # how a command's one line of error begins


class Console:
    """The console of a person who watches. Without a stream it shows nothing."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._colour = stream is not None and stream.isatty() and "NO_COLOR" not in os.environ
        self._order: dict[str, int] = {}
        self._lock = Lock()

    def say(self, name: str, line: str) -> None:
        with self._lock:
            if self._stream is None:
                return
            colour = COLOURS[self._order.setdefault(name, len(self._order)) % len(COLOURS)]
            label = f"{name:<{NAME_WIDTH}}|"
            if self._colour:
                label = f"\x1b[{colour}m{label}\x1b[0m"
            try:
                self._stream.write(f"{label} {line}\n")
                self._stream.flush()
            except (OSError, ValueError):
                self._stream = None  # the terminal was closed; logging to files continues


class Log:
    """The log file of one process, and the thread that fills it from the process's output."""

    def __init__(self, name: str, folder: Path, console: Console) -> None:
        self.path = folder / f"{name}.log"
        self._name = name
        self._console = console
        self._complaint = ""

    def follow(self, process: "Popen[bytes]") -> Thread:
        """Copy lines until the process closes its output. The thread ends then."""
        thread = Thread(target=self._copy, args=(process.stdout,), name=f"log of {self._name}", daemon=True)
        thread.start()
        return thread

    def tail(self, lines: int = 8) -> tuple[str, ...]:
        """The last lines, for an error message."""
        if not self.path.exists():
            return ()
        return tuple(self.path.read_text(errors="replace").splitlines()[-lines:])

    def complaint(self) -> tuple[str, ...]:
        """Why a command of ours failed: its one line of error, or the last lines of a crash."""
        return (self._complaint,) if self._complaint else self.tail()

    def _copy(self, output: IO[bytes]) -> None:
        """A full disk or a missing folder costs log lines, but never stops the process that writes them."""
        file: FileIO | None = None
        with output:
            for raw in output:
                line = raw.decode(errors="replace").rstrip()
                self._console.say(self._name, line)
                if line.startswith(COMPLAINT):
                    self._complaint = line.removeprefix(COMPLAINT)
                with contextlib.suppress(OSError):
                    if file is None or os.fstat(file.fileno()).st_size > MAX_BYTES:
                        file = self._open(file)
                    file.write(raw)
        if file is not None:
            file.close()

    def _open(self, before: FileIO | None) -> FileIO:
        if before is not None:
            before.close()
        if self.path.exists() and self.path.stat().st_size > MAX_BYTES:
            self.path.replace(self.path.with_suffix(".log.1"))
        # Path.open cannot set the mode.
        return FileIO(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb")

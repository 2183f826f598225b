"""The supervisor: starts programs in order, keeps them running, and leaves none behind.

Every child leads its own session, so that Ctrl-C in a terminal reaches only the supervisor, which decides the order of
the shutdown. A child that ends unexpectedly is restarted, after 0.5 s at first and up to 30 s later on. When the
supervisor itself is killed, the kernel ends its children (Linux only; see launch.py).
"""

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, RLock, Thread, current_thread, main_thread
from time import monotonic
from types import FrameType

from notify.core.errors import NotFound, Unavailable
from notify.local.logs import Console, Log
from notify.local.program import TICK_S, Process, Program, end, how_it_ended, kill_group, spawn, until

CALM_TICK_S = 0.25  # how often to check for ended processes while none is being started or stopped
FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 0.5, 30.0
CALM_S = 60.0  # a process that ran this long starts again with the first backoff


class Supervisor:
    """Call `start` for each group of programs in order, and `stop` at the end. Methods are thread-safe."""

    def __init__(self, logs: Path, console: Console | None = None, changed: Callable[[], None] | None = None) -> None:
        """`changed` is called in the supervisor's thread after processes have started or ended."""
        self._logs = logs
        self._console = console or Console(None)
        self._changed = changed or (lambda: None)
        self._groups: list[list[_Child]] = []
        self._lock = RLock()
        self._closing = Event()
        self._called = Event()  # there is something to start or to stop
        self._watcher: Thread | None = None
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)

    def start(self, *programs: Program) -> None:
        """Start programs together and return when all are ready. Raises Unavailable with the end of the log."""
        children = [_Child(program, self._log(program)) for program in programs]
        with self._lock:
            self._groups.append(children)
        if self._watcher is None:
            # One thread starts all children and outlives them: PR_SET_PDEATHSIG depends on the thread, not the process.
            self._watcher = Thread(target=self._watch, name="supervisor", daemon=True)
            self._watcher.start()
        for child in children:
            self._wait_until_ready(child, ends=0)

    def run(self, program: Program) -> None:
        """Run one program to its end. Raises Unavailable when it fails."""
        log = self._log(program)
        process = spawn(program)
        reader = log.follow(process)
        try:
            code = process.wait()
        except BaseException:
            end(program, process)
            raise
        reader.join()
        if code != 0:
            raise Unavailable(f"`{program.name}` failed ({how_it_ended(code)}).", details=log.complaint())

    def pids(self) -> dict[str, int]:
        with self._lock:
            running = [(child.program.name, child.process) for child in self._children()]
        return {name: process.pid for name, process in running if process is not None}

    def kill(self, name: str) -> None:
        """Send SIGKILL, to simulate a crash. The process is restarted after its backoff."""
        with self._lock:
            process = self._child(name).process
            if process is not None:
                process.kill()

    def restart(self, name: str) -> None:
        """Stop a process in order, start it again, and return when it is ready."""
        child = self._child(name)
        self._end_together([child], None)
        with self._lock:
            ends, child.backoff_s, child.due, child.wanted = child.ends, FIRST_BACKOFF_S, 0.0, True
        self._wait_until_ready(child, ends)

    def stop(self) -> None:
        """Stop all groups, last started first. Another Ctrl-C in the meantime cuts the deadlines short."""
        with self._lock:
            for child in self._children():
                child.wanted = False
        with _impatience() as hurry:
            for group in reversed(self._groups):
                self._end_together(group, hurry)
            self._closing.set()
            self._called.set()
            if self._watcher is not None:
                self._watcher.join()
                self._watcher = None

    def _log(self, program: Program) -> Log:
        return Log(program.name, self._logs, self._console if program.shown else Console(None))

    def _children(self) -> "Iterator[_Child]":
        return (child for group in self._groups for child in group)

    def _child(self, name: str) -> "_Child":
        known = {child.program.name: child for child in self._children()}
        if name not in known:
            raise NotFound(f"There is no process {name!r} in this stack.", hint=f"There are: {', '.join(known)}.")
        return known[name]

    def _wait_until_ready(self, child: "_Child", ends: int) -> None:
        self._called.set()
        program = child.program
        deadline = monotonic() + program.ready_within_s
        while monotonic() < deadline:
            if child.ends > ends:
                raise Unavailable(f"`{program.name}` ended before it was ready.", details=child.log.tail())
            if child.process is not None and program.ready():
                return
            self._closing.wait(TICK_S)
        raise Unavailable(
            f"`{program.name}` was not ready within {program.ready_within_s:g} s.",
            hint=f"Its log is {child.log.path}.",
            details=child.log.tail(),
        )

    def _end_together(self, children: "list[_Child]", hurry: Event | None) -> None:
        with self._lock:
            for child in children:
                child.wanted = False
            self._called.set()
            running = [(child.program, child.process) for child in children if child.process is not None]
        enders = [Thread(target=end, args=(program, process, hurry)) for program, process in running]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()
        # Wait for the watcher, which alone changes the state of children.
        until(lambda: all(child.process is None for child in children), within_s=10.0)

    def _watch(self) -> None:
        while not self._closing.is_set():
            with self._lock:
                changes = [self._attend(child) for child in self._children()]
                settled = all(child.wanted == (child.process is not None) for child in self._children())
            if any(changes):
                self._tell()
            self._called.wait(CALM_TICK_S if settled else TICK_S)
            self._called.clear()

    def _tell(self) -> None:
        try:
            self._changed()
        except OSError as error:  # a full disk must not end the supervision
            self._console.say("tocsin", f"The state of the stack could not be written: {error}")

    def _attend(self, child: "_Child") -> bool:
        """Notice that a child has ended, or start it when due. True when something changed."""
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                return False
            self._bury(child, child.process, code)
        elif child.wanted and monotonic() >= child.due:
            child.started = monotonic()
            try:
                child.process = spawn(child.program)
            except OSError as error:  # the machine is out of processes or memory
                self._console.say("tocsin", f"{child.program.name} could not be started: {error}")
                child.due = monotonic() + LONGEST_BACKOFF_S
                return False
            child.reader = child.log.follow(child.process)
        else:
            return False
        return True

    def _bury(self, child: "_Child", process: Process, code: int) -> None:
        kill_group(process)
        if child.reader is not None:
            child.reader.join(timeout=1.0)  # so that its last lines are in the log
        child.process = None
        child.ends += 1
        if not child.wanted:
            return
        if monotonic() - child.started > CALM_S:
            child.backoff_s = FIRST_BACKOFF_S
        news = f"{child.program.name} ended ({how_it_ended(code)}); starting it again in {child.backoff_s:g} s."
        self._console.say("tocsin", news)
        child.due = monotonic() + child.backoff_s
        child.backoff_s = min(child.backoff_s * 2, LONGEST_BACKOFF_S)


class _Child:
    """A program and the state of its process. Changed under the supervisor's lock."""

    def __init__(self, program: Program, log: Log) -> None:
        self.program = program
        self.log = log
        self.process: Process | None = None
        self.reader: Thread | None = None
        self.started = 0.0  # monotonic seconds
        self.due = 0.0  # when to start it next
        self.backoff_s = FIRST_BACKOFF_S
        self.ends = 0  # how often it ended, expectedly or not
        self.wanted = True


@contextlib.contextmanager
def _impatience() -> Iterator[Event]:
    """Inside this block, SIGINT and SIGTERM set the event instead of interrupting the shutdown."""
    hurry = Event()
    if current_thread() is not main_thread():
        yield hurry
        return

    def heard(_number: int, _frame: FrameType | None) -> None:
        hurry.set()

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield hurry
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

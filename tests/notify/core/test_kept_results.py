"""Results that are kept: made once for all threads that ask, and nobody waits for another's."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from notify.core.kept_results import KeptResults

LONG_S = 30


def slow(begun: threading.Event, go_on: threading.Event, result: str) -> Callable[[], str]:
    def make() -> str:
        begun.set()
        assert go_on.wait(LONG_S)
        return result

    return make


def wrong() -> str:
    raise AssertionError("it was made already")


def test_threads_that_ask_for_one_key_get_one_result_and_others_do_not_wait() -> None:
    kept: KeptResults[str, str] = KeptResults(most=4)
    begun, go_on = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(kept.get, "a", slow(begun, go_on, "made"))
        assert begun.wait(LONG_S)
        second = threads.submit(kept.get, "a", wrong)
        other: Future[str] = Future()
        beside = threading.Thread(target=lambda: other.set_result(kept.get("b", lambda: "other")), daemon=True)
        beside.start()
        try:
            assert other.result(LONG_S) == "other"
            assert not first.done()
        finally:
            go_on.set()
        assert (first.result(), second.result()) == ("made", "made")


def test_a_failure_is_its_own_and_who_waited_tries_again() -> None:
    kept: KeptResults[str, str] = KeptResults(most=4)
    begun, go_on = threading.Event(), threading.Event()

    def fail() -> str:
        slow(begun, go_on, "")()
        raise ConnectionError("gone")

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(kept.get, "a", fail)
        assert begun.wait(LONG_S)
        second = threads.submit(kept.get, "a", lambda: "made")
        go_on.set()
        with pytest.raises(ConnectionError):
            first.result()
        assert second.result() == "made"
    assert kept.get("a", wrong) == "made"


def test_only_those_asked_for_last_are_kept() -> None:
    kept: KeptResults[str, int] = KeptResults(most=2)
    for key in ("a", "b", "a", "c"):
        kept.get(key, lambda: 1)
    assert [kept.get(key, lambda: 2) for key in ("a", "c", "b")] == [1, 1, 2]

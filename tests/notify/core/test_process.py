"""One of a kind in a process, whoever asks first."""

import threading

import pytest

from notify.core.process import once


def test_threads_that_ask_at_once_get_the_same() -> None:
    together, made, got = threading.Barrier(4), [], []

    @once
    def pool() -> object:
        made.append(object())
        # Whoever else would make one comes here, too, while this one is not ready; one alone waits in vain.
        second.wait(0.2)
        return made[-1]

    second = threading.Event()

    def ask() -> None:
        together.wait(60)
        got.append(pool())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 1
    assert got == made * 4


def test_what_failed_is_made_by_the_next_call() -> None:
    tries: list[int] = []

    @once
    def pool() -> int:
        tries.append(1)
        return 1 // (len(tries) - 1)

    with pytest.raises(ZeroDivisionError):
        pool()
    assert pool() == pool() == 1
    assert len(tries) == 2


def test_forgotten_it_is_made_anew_and_given_back() -> None:
    numbers = iter(range(9))

    @once
    def number() -> int:
        return next(numbers)

    assert number.forget() is None
    assert (number(), number()) == (0, 0)
    assert number.forget() == 0
    assert number() == 1

"""The benchmarks themselves: what is odd about one run is reported, and stops nothing."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.bench import __main__ as bench
from tests.bench.figures import Figure
from tests.bench.size import Size
from tests.bench.throttle import Run, _figure


def breaks(size: Size) -> Iterator[Figure]:
    raise RuntimeError("on purpose")
    yield


def works(size: Size) -> Iterator[Figure]:
    yield Figure(f"works at {size}", 10, 1.0)


def test_a_benchmark_that_breaks_is_named_and_does_not_stop_the_next(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "BENCHMARKS", {"breaks": breaks, "works": works})
    assert bench.run(["breaks", "works"], Size.SMOKE, None) == ["breaks"]
    said = capfd.readouterr()
    assert "works at smoke" in said.out
    assert "on purpose" in said.err


def test_a_broken_benchmark_is_exit_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "BENCHMARKS", {"breaks": breaks})
    monkeypatch.setattr("sys.argv", ["bench", "--smoke"])
    with pytest.raises(SystemExit, match="breaks"):
        bench.main()


@pytest.mark.parametrize("moments", [[], [5.0]])
def test_a_throttle_run_without_arrivals_is_a_miss_and_no_crash(moments: list[float]) -> None:
    run = Run(rate=1000, sender=1, alert=1, deliveries=np.array([1]))
    figure = _figure(run, 4, np.array(moments), 3.0, {"workers": 1.0})
    assert figure.amount == 0
    assert [goal.met for goal in figure.goals] == [True, False]
    assert figure.cpu_ms() == 0.0

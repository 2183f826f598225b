"""Tests of the benchmarks themselves: a failed or odd run is reported and does not stop the others."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.bench import __main__ as bench
from tests.bench.figures import Figure, Goal, together
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


def test_turns_together_are_weighed_by_what_they_took_and_judged_by_the_worst() -> None:
    def turn(cpu_s: float, missed: int) -> Figure:
        goals = (Goal("missed", missed, 0), Goal("things/s", 10 / cpu_s, 5, at_least=True))
        return Figure("a turn", 10, cpu_s, {"workers": cpu_s}, "bare", 10, 1.0, 1.0, goals)

    both = together("both", [turn(1.0, 0), turn(3.0, 2)])
    assert both.pipeline_cpu_ms / both.baseline_cpu_ms == 2.0
    assert [goal.value for goal in both.goals] == [2, pytest.approx(10 / 3)]
    assert [ratio["cpu"] for ratio in both.notes["ratios of each turn"]] == [1.0, 3.0]

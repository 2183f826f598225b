"""Areas are computed by other processes: what breaks, or takes too long or too much, costs one of them."""

import json
import os
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import shapely

from tests.waiting import until
from zones import confinement
from zones.computing import AreaRequest, Corridor, Disc, DrawnShape, KeptShape, Strip, compute, pack_request
from zones.errors import ZoneError
from zones.files import frames
from zones.geometry import to_geojson, to_wkb
from zones.geometry_pool import GeometryPool, PoolBusy, _Gone, _Worker
from zones.geometry_worker import MEGABYTES

SQUARE = shapely.box(0, 0, 0.1, 0.1)
CITY = (-1.0, -1.0, 1.0, 1.0)


@pytest.fixture
def pool() -> Iterator[GeometryPool]:
    pool = GeometryPool(processes=2)
    yield pool
    pool.close()


def drawn(shape: shapely.Geometry) -> DrawnShape:
    return DrawnShape(json.dumps(to_geojson(shape)))


def star(corners: int) -> shapely.Polygon:
    """Of as many spikes, each edge of which runs from the middle to the rim."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = np.where(np.arange(corners) % 2, 0.05, 0.0005)
    return shapely.Polygon(np.column_stack([radius * np.cos(angles), radius * np.sin(angles)]))


def test_it_computes_what_this_process_would(pool: GeometryPool) -> None:
    line = shapely.LineString([(0.0, 0.05), (0.3, 0.05)])
    request = AreaRequest(
        (
            KeptShape(to_wkb(SQUARE)),
            drawn(shapely.box(0.2, 0, 0.3, 0.1)),
            Disc(0.5, 0.5, 300),
            Corridor(json.dumps(to_geojson(line)), 100),
            Strip(((shapely.to_wkb(line), "left"), (shapely.to_wkb(line), "both")), 30),
        ),
        (drawn(shapely.box(0.05, 0.05, 0.06, 0.06)),),
        CITY,
    )
    here, there = compute(request), pool.compute(request)
    assert there.shape.equals_exact(here.shape, 0)
    assert (there.area_m2, there.doubt) == (here.area_m2, None)


def test_doubts_and_refusals_come_back_in_words(pool: GeometryPool) -> None:
    far = drawn(shapely.box(50, 50, 51, 51))
    doubt = pool.compute(AreaRequest((far,), (), CITY)).doubt
    assert doubt is not None
    assert doubt.kind == "outside-city"
    assert pool.compute(AreaRequest((far,), (), CITY, ("outside-city",))).doubt is None
    with pytest.raises(ZoneError, match="It is not JSON") as refused:
        pool.compute(AreaRequest((DrawnShape("{"),)))
    assert refused.value.hint


def test_a_process_that_breaks_down_costs_one_answer(pool: GeometryPool) -> None:
    request = AreaRequest((drawn(SQUARE),))
    expected = pool.compute(request)
    (worker,) = pool._idle
    os.kill(worker._process.pid, signal.SIGSTOP)  # so that it is asked before it is gone
    told: list[Exception] = []

    def ask() -> None:
        try:
            pool.compute(request)
        except ZoneError as error:
            told.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: not pool._idle, 60, "the process is asked")
    os.kill(worker._process.pid, signal.SIGSEGV)
    os.kill(worker._process.pid, signal.SIGCONT)
    asking.join(60)
    assert "GEOS crashed" in str(told[0])
    assert pool.compute(request).shape == expected.shape, "another process takes its place"


def test_one_that_ended_by_itself_is_replaced_without_a_word() -> None:
    """As they do when nothing was asked for a while."""
    pool = GeometryPool(idle_s=0.5)
    request = AreaRequest((drawn(SQUARE),))
    expected = pool.compute(request)
    (worker,) = pool._idle
    worker._process.wait(60)
    assert pool.compute(request).shape == expected.shape
    assert pool._idle != [worker]
    pool.close()


def test_what_takes_too_long_is_given_up() -> None:
    pool = GeometryPool(processes=1)
    request = AreaRequest((drawn(SQUARE), drawn(shapely.box(1, 1, 2, 2))))
    pool.compute(request)
    (worker,) = pool._idle
    worker._process.send_signal(signal.SIGSTOP)  # it takes for ever
    pool._seconds = 0.1
    with pytest.raises(ZoneError, match=r"not computed within 0\.1 seconds"):
        pool.compute(request)
    assert not pool._idle, "its process is ended"


def test_no_more_at_once_than_there_are_processes() -> None:
    pool = GeometryPool(processes=1, seconds=0.05)
    pool._seats.acquire()
    with pytest.raises(PoolBusy):
        pool.compute(AreaRequest((drawn(SQUARE),)))
    assert pool.compute(AreaRequest((Disc(0, 0, 500),))).area_m2 > 0, "a circle needs no process"


def test_a_star_of_many_corners_is_refused_before_anything_is_computed() -> None:
    """Whether a point is inside takes as many steps as a line across meets the border: for a city, an hour."""
    with pytest.raises(ZoneError, match="runs across it"):
        compute(AreaRequest((drawn(star(100_000)),)))
    with pytest.raises(ZoneError, match=r"at most 250,000 can be used"):
        compute(AreaRequest((DrawnShape("[" * 250_001),)))
    jagged = shapely.Polygon(shapely.get_coordinates(shapely.Point(0, 0).buffer(0.05, quad_segs=25_000)))
    assert compute(AreaRequest((drawn(jagged),))).area_m2 > 0, "as many corners, and a border like others"


def test_they_have_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SECRET_KEY", "a secret")
    assert not [name for name in confinement.environment(Path("/")) if name.startswith("TOCSIN")]


LARGE = shapely.Point(0, 0).buffer(0.05, quad_segs=25_000)


def test_their_memory_is_bounded_and_to_need_more_costs_one_answer(pool: GeometryPool) -> None:
    request = AreaRequest((drawn(SQUARE),))
    expected = pool.compute(request)
    (worker,) = pool._idle
    pid = worker._process.pid
    most, hard = resource.prlimit(pid, resource.RLIMIT_AS)
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    assert most == hard
    assert 0 < most - used <= MEGABYTES * 1024**2
    resource.prlimit(pid, resource.RLIMIT_AS, (used + 2**20, used + 2**20))
    with pytest.raises(ZoneError, match=r"too much memory|GEOS crashed") as refused:
        pool.compute(AreaRequest((drawn(LARGE),)))
    assert refused.value.hint
    assert pool.compute(request).shape == expected.shape, "another one takes its place"


def test_a_request_that_does_not_fit_into_their_memory_is_the_fault_of_that_request(pool: GeometryPool) -> None:
    request = AreaRequest((drawn(SQUARE),))
    expected = pool.compute(request)
    (worker,) = pool._idle
    pid = worker._process.pid
    used = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (used + 2**20, used + 2**20))
    padded = DrawnShape(drawn(SQUARE).geojson + " " * 2**26)
    with pytest.raises(ZoneError, match="too much memory") as refused:
        pool.compute(AreaRequest((padded,)))
    assert refused.value.hint
    assert pool.compute(request).shape == expected.shape, "another one takes its place"


def test_the_kernel_ends_one_that_works_on_when_nobody_waits_any_more() -> None:
    """Whoever asked ends it at the deadline; if that one is gone itself, the time of the processor runs out."""
    worker = _Worker(idle_s=60)
    document, shapes = pack_request(AreaRequest((drawn(LARGE),)))
    worker._deadline += 60

    def ask_on() -> None:
        while True:  # for less than it has used: the kernel looks at it when it works, and counts whole seconds
            worker._put(frames.packed({**document, "seconds": -2.0}, shapes))
            frames.read(worker._take)

    with pytest.raises(_Gone):
        ask_on()
    assert worker.end() == -signal.SIGXCPU

"""A point opens as it was sealed, for its resident only; and the cells of a box hold every point in it."""

from datetime import datetime

import numpy as np
import pytest
from sqlalchemy import text

from notify.alerts import lifecycle
from notify.audience.live_count import LiveCount
from notify.core import alarms, crypto, points
from notify.core.db import raw, transaction
from notify.core.errors import Invalid, Unavailable
from notify.models import Alert
from tests.conftest import SECRET_KEY
from tests.factories import NOW, alert_ready, homes, operator, resident, resolve, square, zone
from tests.notify.core.test_keyring import use_keys
from zones.membership import Membership

OTHER = "another key that is long enough, too"
EDGES = [(-180.0, -90.0), (180.0, 90.0), (0.0, 0.0), (-75.1, 39.9), (1e-7, -1e-7), (-0.01, 0.01)]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    use_keys(monkeypatch, SECRET_KEY)


@pytest.mark.parametrize(("lon", "lat"), EDGES)
def test_a_point_opens_as_it_was_sealed(lon: float, lat: float) -> None:
    sealed = points.seal(7, lon, lat)
    assert (len(sealed.point_sealed), len(sealed.cell_index)) == (16, 8)
    assert points.open_one(7, sealed.point_sealed) == (lon, lat)


def test_many_points_open_to_the_nearest_unit_and_stay_there() -> None:
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(-180, 180, 20_000), rng.uniform(-90, 90, 20_000)
    residents = rng.integers(1, 2**62, 20_000)
    for _ in range(2):  # what was rounded is not rounded again
        sealed = points.seal_all(residents, lon, lat)
        opened = points.open_all(residents, points.blocks([one.point_sealed for one in sealed]))
        assert opened.readable.all()
        assert np.abs(opened.lon - lon).max() <= 0.500001e-7
        assert np.abs(opened.lat - lat).max() <= 0.500001e-7
        again = points.seal_all(residents, opened.lon, opened.lat)
        assert again == sealed
        lon, lat = opened.lon, opened.lat


@pytest.mark.parametrize("of_another", [True, False])
def test_a_swapped_or_damaged_point_is_unreadable_and_never_another_place(of_another: bool) -> None:
    mine = points.seal(1, 0.5, 0.5).point_sealed
    wrong = points.seal(2, 0.5, 0.5).point_sealed if of_another else mine[:-1] + bytes([mine[-1] ^ 1])
    with pytest.raises(Unavailable, match="resident 1 cannot be read"):
        points.open_one(1, wrong)
    opened = points.open_all(np.array([1, 1, 1]), points.blocks([mine, wrong, mine]))
    assert opened.readable.tolist() == [True, False, True]
    assert opened.lon[[0, 2]].tolist() == [0.5, 0.5]


def test_neighbours_look_unrelated_and_the_same_home_the_same() -> None:
    one, two = points.seal(1, 0.5, 0.5), points.seal(2, 0.5, 0.5)
    assert one == points.seal(1, 0.5, 0.5)
    differing = sum((a ^ b).bit_count() for a, b in zip(one.point_sealed, two.point_sealed, strict=True))
    assert differing > 30, "of 128 bits"
    assert one.cell_index == two.cell_index, "the size of a neighbourhood is what a dump tells"


@pytest.mark.parametrize(("lon", "lat"), [(180.25, 1.5), (1.5, -90.25), (float("nan"), 1.5), (1.5, float("inf"))])
def test_a_place_outside_the_world_is_refused_without_saying_where(lon: float, lat: float) -> None:
    with pytest.raises(Invalid, match="outside of the world") as refused:
        points.seal(1, lon, lat)
    told = f"{refused.value} {refused.value.hint}"
    assert str(lon) not in told
    assert str(lat) not in told


@pytest.mark.parametrize("side", [0.0, 1e-7, 0.004, 0.01, 0.3])
def test_the_cells_of_a_box_hold_every_point_in_it(side: float) -> None:
    rng = np.random.default_rng(1)
    for west, south in [*EDGES, *rng.uniform(-80, 80, (40, 2)).tolist()]:
        found = points.cells(west, south, west + side, south + side)
        assert found is not None
        inside = np.clip(np.array([west, south]) + rng.uniform(0, side, (50, 2)), [-180, -90], [180, 90])
        corners = np.clip([[west, south], [west + side, south + side]], [-180, -90], [180, 90])
        for lon, lat in (*inside, *corners):
            assert points.seal(1, lon, lat).cell_index in found
        away = points.seal(1, west - 0.03 if west > 0 else west + side + 0.03, south)
        assert away.cell_index not in found


def test_a_box_of_too_many_cells_is_not_searched_by_them_and_one_of_nowhere_finds_none() -> None:
    assert points.cells(-75, 39, -74, 40) is None
    nowhere = float("nan")
    assert points.cells(nowhere, nowhere, nowhere, nowhere) == []


def test_while_two_keys_are_known_points_and_cells_of_both_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    before = points.seal(1, 0.5, 0.5)
    use_keys(monkeypatch, OTHER)
    with pytest.raises(Unavailable):
        points.open_one(1, before.point_sealed)
    use_keys(monkeypatch, OTHER, previous=SECRET_KEY)
    after = points.seal(2, 0.25, 0.5)
    assert before.cell_index != points.seal(2, 0.5, 0.5).cell_index
    stored = points.blocks([before.point_sealed, after.point_sealed, b"sixteen of noise"])
    opened = points.open_all(np.array([1, 2, 1]), stored)
    assert opened.readable.tolist() == [True, True, False]
    assert opened.lon[:2].tolist() == [0.5, 0.25]
    mixed = [before.cell_index, after.cell_index, points.seal(1, 0.5, 0.5).cell_index]
    same = points.blocks([before.point_sealed, after.point_sealed, before.point_sealed])
    assert points.are_sound(np.array([1, 2, 1]), same, mixed).tolist() == [True, True, False]
    found = points.cells(0.2, 0.4, 0.6, 0.6)
    assert found is not None
    assert {before.cell_index, after.cell_index} <= set(found)


def launched(now: datetime = NOW) -> Alert:
    """To the square between (0, 0) and (1, 1)."""
    with transaction() as s:
        zone(s)
        alert = alert_ready(s)
        lifecycle.launch(s, alert.id, operator(s), now)
    resolve(alert.id, now)
    return alert


def test_a_damaged_place_rings_and_the_others_are_told(database: str) -> None:
    with transaction() as s:
        tom, ann, _ = (resident(s) for _ in range(3))
        s.execute(text("UPDATE places SET point_sealed = :noise WHERE subscriber_id = :id"),
                  {"id": tom.id, "noise": b"sixteen of noise"})  # fmt: skip
        s.execute(text("""UPDATE places SET point_sealed = (SELECT point_sealed FROM places WHERE subscriber_id <> :id
                           ORDER BY id DESC LIMIT 1) WHERE subscriber_id = :id"""), {"id": ann.id})  # fmt: skip
    alert = launched()
    with transaction() as s:
        assert s.execute(text("SELECT count(*) FROM deliveries WHERE alert_id = :a"), {"a": alert.id}).scalar() == 1
        [(kind, message)] = s.execute(text("SELECT kind, message FROM alarms")).all()
    assert kind == alarms.UNREADABLE_PLACE
    assert f"2 residents cannot be decrypted and are left out of alerts ({tom.id}, {ann.id})" in message
    counted = LiveCount(("en", "es")).count(Membership(square(0, 0)), "storm", ["sms"], NOW)
    assert counted.residents == 1


AT = [(0.5123456, 0.4654321), (-75.1652215, 39.9525839)]


def spellings(degrees: float) -> list[bytes]:
    """How a coordinate could stand in a dump: as text, or as the bytes of a number, plain or in hex."""
    units = round(degrees * 1e7)
    numbers = [
        bytes_
        for order in "<>"
        for dtype, value in (
            ("f8", degrees),
            ("f4", degrees),
            ("i4", units),
            ("i8", units),
            ("i4", round(degrees * 1e6)),
        )
        for bytes_ in [np.array(value, dtype=order + dtype).tobytes()]
    ]
    text_of = [f"{abs(degrees):.6f}".encode()[:8], str(abs(units)).encode()]
    return [*numbers, *(number.hex().encode() for number in numbers), *text_of]


def test_no_coordinate_of_a_resident_is_in_a_dump_or_a_log(database: str, capfd: pytest.CaptureFixture[str]) -> None:
    with transaction() as s:
        person = resident(s, at=AT)
        resident(s, at=AT)
        assert homes(s) == [*AT, *AT]
    launched()
    with transaction() as s:
        tables = list(s.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars())
        assert {"places", "resident_changes", "audit", "deliveries"} <= set(tables)
        dumped = []
        for table in tables:
            for how in ("", "(FORMAT binary)"):
                with raw(s).cursor().copy(f"COPY {table} TO STDOUT {how}") as copy:  # type: ignore[arg-type]
                    dumped.append(b"".join(map(bytes, copy)))
    seen = b"".join(dumped)
    assert person.phone.encode() not in seen
    assert points.seal(person.id, *AT[0]).point_sealed in seen, "the places are in it"
    written = "".join(capfd.readouterr()).encode()
    for lon, lat in AT:
        for degrees in (lon, lat):
            for spelling in spellings(degrees):
                assert spelling not in seen
                assert spelling not in written
    assert crypto.known() == (SECRET_KEY.encode(),)

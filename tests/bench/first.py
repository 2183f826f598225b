"""`first`: the time to the first message in a city of a million, and until all batches have rung."""

from collections.abc import Iterator

from sqlalchemy import text

from notify.core.db import transaction
from notify.models import Lane
from tests.bench.figures import Figure, Goal
from tests.bench.installation import Installation, installation
from tests.bench.size import Size
from tests.waiting import until

CITY = {Size.SMOKE: (5_000, 1_000), Size.USUAL: (1_000_000, 200_000), Size.FULL: (1_000_000, 200_000)}  # and inside
RATE = 1_000.0  # of a large city; the first message does not depend on it


def first(size: Size) -> Iterator[Figure]:
    """From launch to the first message at the provider, and to the last batch rung. The residents in the area are
    spread over all residents or, as in a new quarter, the newest ones."""
    for newest in (False,) if size is Size.SMOKE else (False, True):
        with installation() as city:
            city.sender("sms", RATE)
            city.start("scheduler", "scheduler", kind="scheduler")
            city.start_workers(Lane.EMERGENCY, 2)
            warm = city.approved(city.settle(1_000, "sms"), "sms")
            city.launch(warm)
            city.until_sent(warm, 60)
            yield _figure(city, *CITY[size], newest)


def _figure(city: Installation, residents: int, inside: int, newest: bool) -> Figure:
    area = city.settle(residents, "sms", inside=inside, newest=newest)
    alert = city.approved(area, "sms")
    city.ask("reset")
    with city.measured() as cpu_s:
        began = city.launch(alert)
        rung_s = until(lambda: _rung_after_s(alert), 60, "all batches are rung")
    with transaction() as s:
        audience = s.execute(text("SELECT audience_total FROM alerts WHERE id = :a"), {"a": alert}).scalar_one()
    goals = (
        Goal("first message at the provider after s", float(city.arrivals()[:, 0].min()) - began, 0.5),
        Goal("all batches rung after s", rung_s, 3.0),
        Goal("audience", abs(audience - inside), 0),
    )
    name = f"first, {'the newest' if newest else 'any'} {inside:,} of {residents:,}"
    return Figure(name, inside, rung_s, cpu_s, goals=goals)


def _rung_after_s(alert_id: int) -> float | None:
    """Return the seconds from the launch to the last doorbell, or None while some have not rung."""
    with transaction() as s:
        seconds: float | None = s.execute(
            text("""
                SELECT CASE WHEN a.fanout_done_at IS NOT NULL
                             AND NOT EXISTS (SELECT FROM batches b WHERE b.alert_id = a.id AND b.state = 'waiting'
                                                AND b.rung_at IS NULL)
                            THEN extract(epoch FROM clock_timestamp() - a.launched_at) END
                  FROM alerts a WHERE a.id = :alert"""),
            {"alert": alert_id},
        ).scalar_one()
    return None if seconds is None else float(seconds)

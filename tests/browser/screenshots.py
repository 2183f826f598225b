"""The pictures in docs/console.md: `make screenshots` makes them anew, from a training city with alerts of every kind.

It is not collected with the tests. The application runs in this process, and a page that does not load fails the run.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Browser, Page
from shapely import from_wkb
from shapely.affinity import translate

from notify import training
from notify.accounts import roster
from notify.alerts import incidents, warn_requests
from notify.alerts.words import word_versions
from notify.alerts.words.word_versions import Written
from notify.alerts.writing import working_drafts, working_start
from notify.alerts.writing.working_drafts import Change
from notify.city import zones as city_zones
from notify.core.db import transaction
from notify.core.settings import settings
from notify.delivery import predictions
from notify.outside.messages import Words
from tests import factories
from tests.api import asked
from tests.api.conftest import at_desk, door, public_url, served
from tests.browser.pictures import FOLDER, LARGEST_BYTES
from tests.browser.visits import DRAWN
from tests.waiting import until

__all__ = ["at_desk", "door", "public_url", "served"]

ALL_BYTES = 3_000_000
RESIDENTS = 3_000
OWN_WORDS = "{{ city }}: {{ hazard.danger }} is over in {{ area }}. {{ hazard.after }} Check on your neighbors."
COUNTY_WORDS = Words(
    "en-US",
    "Severe Thunderstorm Warning",
    "Storms cross the river",
    "Severe thunderstorm danger at Riverside. Wind and hail can kill.",
    "Go inside now. Stay away from windows.",
)
SETTLED = """
    UPDATE deliveries d SET claimed_at = :from, sent_at = :from + least(d.id % 700 * interval '60 ms', :long),
           settled_at = :from + :long, attempts = 1,
           state = CAST(CASE WHEN d.id % 41 = 0 THEN 'undelivered' WHEN d.id % 97 = 0 THEN 'failed'
                             ELSE 'delivered' END AS delivery_state),
           reason = CASE WHEN d.id % 41 = 0 THEN '30005' WHEN d.id % 97 = 0 THEN '30003' END
     WHERE d.alert_id = :alert AND d.state = 'queued' AND d.id % 100 < :share"""


@pytest.fixture
def pages(door: httpx.Client, at_desk: Callable[[str], httpx.Client]) -> dict[str, str]:
    """Name of the picture -> path of the page."""
    now = datetime.now(UTC)
    training.settle(RESIDENTS, now)
    over, running = _alerts(now)
    with transaction() as s:
        author, approver = factories.operator(s, "author", now=now), factories.operator(s, "approver", now=now)
        admin = factories.operator(s, now=now)
        roster.take_over(s, approver, now, "Quiet so far. The river gauge is watched.", admin.email)
        thread = asked.number("SELECT incident_id FROM alerts WHERE id = :id", id=running)
        incidents.add_note(s, thread, "Engine 4 reports the Mill Street bridge under water.", uuid4(), author, now)
        told = warn_requests.Asked(
            "Engine 4", "field", "Water over the road.", "Mill Street", timedelta(minutes=30), None, uuid4()
        )
        warn_requests.take(s, told, author, now - timedelta(minutes=4))
        draft = working_start.start(s, "storm", "issue", author, now).id
        zone = asked.number("SELECT id FROM zones WHERE name = :name AND kind = 'neighbourhood'", name=training.ZONE)
        words = {f"zone.{zone}": "on", "blank.hazard": "wind"}
        working_drafts.save(s, draft, {n: Change(v) for n, v in words.items()}, author, now, tab="one")
        waiting = factories.alert_draft(s, event="outage", zones=[training.ZONE], channels=("sms", "email"), now=now).id
        riverside = from_wkb(city_zones.find(s, f"neighbourhood:{training.ZONE}").version.geometry)
        outside = factories.outside_warning(s, translate(riverside, -0.01, 0.005), now=now, words=[COUNTY_WORDS])
        written = {("sms", "en"): Written({"text": OWN_WORDS})}
        word_versions.save(s, "storm", "all-clear", written, 0, "After the flood of May", approver, now, settings())
    at_desk("admin")
    return {
        "now": "/console",
        "compose": f"/console/compose/{draft}",
        "review": f"/console/alerts/{waiting}",
        "live": f"/console/alerts/{running}",
        "incident": f"/console/incidents/{thread}",
        "report": f"/console/alerts/{over}/report",
        "requests": "/console/requests",
        "outside": f"/console/outside/{outside}?alert={running}",
        "map": "/console/map",
        "roster": "/console/roster",
        "zones": "/console/zones?kind=collection",
        "words": "/console/words/storm/all-clear",
        "senders": "/console/senders",
        "operators": "/console/operators",
        "audit": "/console/audit",
        "account": "/console/you",
    }


def _alerts(now: datetime) -> tuple[int, int]:
    """One that is over and one that is being sent; their numbers."""
    before = now - timedelta(hours=3)
    over = factories.alert_resolved(zones=[training.ZONE], channels=("sms", "email"), event="snow", now=before)
    running = factories.alert_resolved(zones=[training.ZONE], channels=("sms", "email", "social"), now=now)
    for alert, begun, share in ((over, before, 100), (running, now, 60)):
        asked.do(SETTLED, alert=alert, share=share, **{"from": begun, "long": timedelta(seconds=42)})
    ended = {"alert": over, "at": before + timedelta(seconds=43)}
    asked.do("UPDATE batches SET state = 'done' WHERE alert_id = :alert", alert=over)
    asked.do("UPDATE alerts SET state = 'sent', finished_at = :at WHERE id = :alert", **ended)
    with transaction() as s:
        predictions.measure(s, now)
    return over, running


@pytest.fixture
def page(browser: Browser, door: httpx.Client, pages: dict[str, str]) -> Iterator[Page]:
    context = browser.new_context(base_url=str(door.base_url), viewport={"width": 1280, "height": 760})
    context.set_default_timeout(60_000)
    for name, value in door.cookies.items():
        context.add_cookies([{"name": name, "value": value, "url": str(door.base_url)}])
    yield context.new_page()
    context.close()


def test_take_pictures(page: Page, pages: dict[str, str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, path in pages.items():
        answer = page.goto(path)
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status}"
        if page.locator("#map").count():
            until(lambda: page.evaluate(DRAWN), 60, "the map is drawn")
        page.screenshot(path=FOLDER / f"{name}.png")
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    for name in ("now", "compose", "live"):
        page.goto(pages[name])
        page.screenshot(path=FOLDER / f"{name}-phone.png")
    sizes = {file.name: file.stat().st_size for file in FOLDER.iterdir()}
    assert {name: size for name, size in sizes.items() if size > LARGEST_BYTES} == {}
    assert sum(sizes.values()) <= ALL_BYTES

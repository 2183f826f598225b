"""How grave an alert is, when it ends and how long it lasts: before anything else, and again where it is approved."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx

from notify.core.db import transaction
from notify.models import Alert
from tests import factories
from tests.api.filling import Form
from tests.api.test_compose import started

Desk = Callable[[str], httpx.Client]


def gists(page: str) -> list[str]:
    found = re.findall(r'<p class="gist">(.*?)</p>', page, re.DOTALL)
    return [" ".join(re.sub("<[^>]+>", "", one).split()) for one in found]


def test_it_stands_above_all_else_and_in_the_form_of_the_approval(at_desk: Desk, city: datetime) -> None:
    ends = city + timedelta(hours=5, seconds=30)
    with transaction() as s:
        alert = factories.alert_draft(s, now=city, expires_at=ends).id
        calm = factories.alert_draft(s, now=city, event="outage", expires_at=ends).id
    page = at_desk("approver").get(f"/console/alerts/{alert}").text
    above, _, rest = page.partition('<div class="columns review">')
    form = rest.partition(f'action="/console/alerts/{alert}/approve"')[2].partition("</form>")[0]
    for said in (gists(above), gists(form)):
        assert len(said) == 1
        assert re.fullmatch(
            r"Emergency Severe\. It ends (today|tomorrow) \d+:\d\d [AP]M: launched now, it lasts 5 hours\.", said[0]
        )
    assert gists(at_desk("approver").get(f"/console/alerts/{calm}").text)[0].startswith("Routine ")


def test_compose_says_how_long_it_lasts_and_that_nobody_has_said_so(at_desk: Desk, city: datetime) -> None:
    desk = at_desk("author")
    path = started(desk)
    when = desk.get(path).text.partition('id="when-said"')[2].partition("</div>")[0]
    assert "It lasts <strong>12 hours</strong>" in when
    assert re.search(r"it ends <strong><time [^>]*>(today|tomorrow) \d+:\d\d [AP]M<", when)
    assert "Nobody has said how long it lasts" in when
    desk.post(f"{path}/fields", json={"tab": "a", "changes": {"lasts": "90m"}, "seen": {}})
    when = desk.get(path).text.partition('id="when-said"')[2].partition("</div>")[0]
    assert "It lasts <strong>1 hour 30 minutes</strong>" in when
    assert "Nobody has said" not in when


def test_the_form_of_an_all_clear_does_not_ask_how_long_it_lasts(at_desk: Desk, city: datetime) -> None:
    danger = factories.alert_launched(now=city)
    with transaction() as s:
        incident = s.get_one(Alert, danger).incident_id
    desk = at_desk("author")
    path = desk.post("/console/compose", data={"template": "storm all-clear", "incident": incident}).headers["location"]
    page = desk.get(path).text
    when = page.partition('id="when"')[2].partition("</section>")[0]
    assert "How long it lasts" not in page
    assert "<details><summary>How long residents see it" in when
    assert re.search(r"Residents see it until <strong><time [^>]*>(today|tomorrow) \d+:\d\d [AP]M<", when)
    assert "It lasts" not in when
    assert "Nobody has said" not in when
    desk.post(f"{path}/fields", json={"tab": "a", "changes": {"lasts": "90m"}, "seen": {}})
    assert "<details open><summary>How long residents see it" in desk.get(path).text
    review = Form(desk.get(path).text).send(desk, path, "review").headers["location"]
    assert re.fullmatch(
        r"Minor\. Residents see it until (today|tomorrow) \d+:\d\d [AP]M\.", gists(desk.get(review).text)[0]
    )

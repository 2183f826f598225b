"""At the review: what differs from the template and from the last alert, in every language, addresses, and times."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import httpx

from notify.alerts import lifecycle
from notify.core.db import transaction
from tests import factories
from tests.owner import as_owner

Desk = Callable[[str], httpx.Client]


def compared(page: str) -> list[tuple[str, list[str], list[str]]]:
    """Language, new words and old words of each message that differs."""
    found = re.findall(r'<blockquote class="as-sent compared" lang="(\w+)">(.*?)</blockquote>', page, re.DOTALL)
    return [(lang, re.findall("<ins>(.*?)</ins>", said), re.findall("<del>(.*?)</del>", said)) for lang, said in found]


def test_what_differs_from_the_template_is_marked_in_every_language(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        plain = factories.alert_draft(s, now=city).id
        more = {"hazard": "wind", "action": "Go <inside>", "action.es": "Entre ya"}
        alert = factories.alert_draft(s, now=city, blanks=more).id
    page = at_desk("approver").get(f"/console/alerts/{plain}").text
    assert compared(page) == []
    assert page.count("Nothing: it says the same.") == 1, "there is no alert before"
    page = at_desk("approver").get(f"/console/alerts/{alert}").text
    english, spanish = compared(page)
    assert (english[0], spanish[0]) == ("en", "es")
    assert "&lt;inside&gt;." in " ".join(english[1])
    assert "Do not drive." in " ".join(english[2])
    assert "ya." in " ".join(spanish[1])


def test_what_differs_from_the_last_alert_is_marked_too(at_desk: Desk, city: datetime) -> None:
    ends = city + timedelta(hours=4)
    with transaction() as s:
        first = factories.alert_ready(s, now=city, blanks={"hazard": "wind"}, expires_at=ends)
        lifecycle.launch(s, first.id, None, city)
        told = factories.alert_ready(
            s, now=city, phase="update", incident=first.incident_id, blanks={"hazard": "wind"}, expires_at=ends
        )
        lifecycle.launch(s, told.id, None, city + timedelta(seconds=1))
        again, changed = (
            factories.alert_draft(
                s, now=city, phase="update", incident=first.incident_id, blanks={"hazard": hazard}, expires_at=ends
            ).id
            for hazard in ("wind", "flood")
        )
    page = at_desk("approver").get(f"/console/alerts/{again}").text
    assert f"From alert {told.id}, the one before it in this incident" in page
    assert compared(page) == []
    page = at_desk("approver").get(f"/console/alerts/{changed}").text
    assert [lang for lang, _, _ in compared(page)] == ["en", "es"]
    assert "higher" in " ".join(compared(page)[0][1])
    assert "What differs" not in at_desk("approver").get(f"/console/alerts/{told.id}").text


def test_three_addresses_inside_and_three_just_outside_are_shown(at_desk: Desk, city: datetime) -> None:
    for n in range(8):
        lon = 0.999 + n % 2 * 0.0015  # about 110 m inside and 55 m outside of the eastern border
        as_owner(
            "INSERT INTO address_points (source, number, street, lon, lat) VALUES ('a test', :n, :street, :lon, 0.5)",
            n=10 + n,
            street=f"MAIN{n} ST",
            lon=lon,
        )
    with transaction() as s:
        alert = factories.alert_draft(s, now=city).id
    page = at_desk("approver").get(f"/console/alerts/{alert}").text
    inside, outside = page.split('<dl class="samples">')[1].partition("</dl>")[0].split("Just outside")
    assert len(re.findall(r"<li>1[0246] MAIN", inside)) == 3
    assert len(re.findall(r"<li>1[1357] MAIN", outside)) == 3


def test_half_95_percent_and_all_are_said_for_each_channel(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        factories.sender(s, "twilio", 0.1, now=city)
        alert = factories.alert_ready(s, now=city).id
    page = at_desk("approver").get(f"/console/alerts/{alert}").text
    times = re.findall(r'(95 % by|half by|all by) <time datetime="([^"]+)">(?:\d+ \w+, )?\d+:\d\d [AP]M<', page)
    assert [name for name, _ in times] == ["95 % by", "half by", "all by"]
    at = dict(times)
    assert at["half by"] < at["95 % by"] <= at["all by"]


def test_what_leaves_within_a_minute_is_said_so(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        factories.sender(s, "twilio", 100.0, now=city)
        alert = factories.alert_ready(s, now=city).id
    page = at_desk("approver").get(f"/console/alerts/{alert}").text
    assert ": all in under a minute</li>" in page
    assert "95 % by" not in page


def test_whoever_need_not_know_is_told_no_small_number(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        draft = factories.alert_draft(s, now=city).id
        sent = factories.alert_ready(s, now=city)
        lifecycle.launch(s, sent.id, None, city)
    factories.resolve(sent.id, city)
    small = r">[1-9]</(?:td|data|b|strong)>"
    for number in (draft, sent.id):
        page = at_desk("author").get(f"/console/alerts/{number}").text
        assert re.search(small, page), "some are unverified"
        page = at_desk("agent").get(f"/console/alerts/{number}").text
        assert not re.search(small, page), re.findall(small, page)
    assert "fewer than 10" in page

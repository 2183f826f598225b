"""Double clicks, two browsers, the Back button and a session that ends: nothing happens twice, and no draft is lost."""

from datetime import datetime

import pytest
from playwright.sync_api import expect

from notify.core.db import take_lock, transaction
from notify.service311 import editions
from tests import factories
from tests.api import asked
from tests.api.conftest import at_desk, city, door, public_url, served
from tests.api.test_approvals import credentials
from tests.browser.conftest import AtBrowser
from tests.browser.desk import Desk

__all__ = ["at_desk", "city", "credentials", "door", "public_url", "served"]
pytestmark = pytest.mark.usefixtures("city", "credentials")


def write(author: Desk) -> None:
    """A complete draft."""
    author.go("/console")
    author.begin("storm issue")
    author.choose("hazard", "tornado")
    author.tick_zone("Riverside")
    expect(author.page.locator("#ready a")).to_have_count(0)


def count(table: str) -> int:
    return asked.number(f"SELECT count(*) FROM {table}")


@pytest.mark.long
def test_a_double_click_opens_one_form(sit: AtBrowser) -> None:
    author = sit("author")
    author.go("/console/compose")
    author.page.locator('button[value="storm issue"]').dblclick()
    expect(author.page.locator("#draft")).to_be_visible()
    assert count("working_drafts") == 1


@pytest.mark.long
def test_a_double_click_on_correct_opens_one_form(city: datetime, sit: AtBrowser) -> None:
    alert = factories.alert_resolved(now=city)
    author = sit("author")
    author.go(f"/console/alerts/{alert}")
    author.page.locator("form", has=author.page.locator("[name=correct]")).locator("button").first.dblclick()
    expect(author.page.locator("#draft")).to_be_visible()
    assert count("working_drafts") == 1


@pytest.mark.long
def test_a_double_click_makes_one_alert(sit: AtBrowser) -> None:
    author = sit("author")
    write(author)
    author.page.locator("#review").dblclick()
    author.page.wait_for_url("**/console/alerts/*")
    expect(author.page.locator("#standing .state-draft")).to_be_visible()
    assert count("alerts") == 1


@pytest.mark.long
def test_a_second_click_is_answered_as_the_first(sit: AtBrowser) -> None:
    """Not by a page which says that the holidays are listed already, as the second request would be."""
    admin = sit("admin")
    admin.go("/desk/rules/holidays?country=US")
    admin.page.locator("[name=chosen]").first.check()
    admin.page.fill("#reason", "the city code")
    with transaction() as s, admin.page.expect_request("**/bell.svg?pressed-again"):
        take_lock(s, editions.LOCK)  # the first is on its way for as long as this is held
        admin.page.evaluate(PRESS_TWICE)
    admin.page.wait_for_url("**/desk/rules#changes")
    expect(admin.page.locator(".refused, .error, [role=alert]")).to_have_count(0)
    assert count("collection_rules") == 1


PRESS_TWICE = """() => {
  const button = document.querySelector("form[method=post]:has([name=chosen]) button:last-of-type");
  button.click();
  setTimeout(() => { button.click(); new Image().src = "/static/bell.svg?pressed-again"; }, 500);
}"""


@pytest.mark.long
def test_two_browsers_make_one_alert_of_a_draft(sit: AtBrowser) -> None:
    author, other = sit("author"), sit("admin")
    write(author)
    other.go(author.page.url)
    alert = author.review()
    other.page.locator("#review").click()
    other.page.wait_for_url(f"**/console/alerts/{alert}")
    assert count("alerts") == 1


@pytest.mark.long
def test_back_after_review_leads_to_the_same_alert(sit: AtBrowser) -> None:
    author = sit("author")
    write(author)
    alert = author.review()
    author.page.go_back()
    if author.page.locator("#review").count():  # the browser had kept the form
        author.page.locator("#review").click()
    author.page.wait_for_url(f"**/console/alerts/{alert}")
    assert count("alerts") == 1


@pytest.mark.long
def test_a_double_click_approves_once(city: datetime, sit: AtBrowser) -> None:
    with transaction() as s:
        factories.sender(s, now=city)
        alert = factories.alert_draft(s, now=city).id
    approver = sit("approver")
    approver.go(f"/console/alerts/{alert}")
    form = approver.page.locator('form[action$="/approve"]')
    form.locator("[name=messages]").fill(str(approver.messages()))
    form.locator("button").dblclick()
    expect(approver.page.locator("#standing .state-approved")).to_be_visible()
    expect(approver.page.locator(".told")).to_have_count(0)
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'approve'") == 1


def test_a_double_click_launches_once(city: datetime, sit: AtBrowser) -> None:
    with transaction() as s:
        factories.sender(s, now=city)
        alert = factories.alert_ready(s, now=city, event="snow").id  # without a countdown, which takes one press alone
    approver = sit("approver")
    approver.go(f"/console/alerts/{alert}")
    approver.page.locator("details.go summary").click()
    form = approver.page.locator('form[action$="/launch"]')
    form.locator("[name=sure]").check()
    form.locator("button").first.dblclick()
    expect(approver.page.locator("#standing .state-sending")).to_be_visible()
    expect(approver.page.locator(".told")).to_have_count(0)
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'launch'") == 1


@pytest.mark.long
def test_back_after_the_launch_launches_nothing(city: datetime, sit: AtBrowser) -> None:
    with transaction() as s:
        factories.sender(s, now=city)
        alert = factories.alert_ready(s, now=city).id
    approver = sit("approver")
    approver.go("/console/alerts")
    approver.go(f"/console/alerts/{alert}")
    approver.launch()
    expect(approver.page.locator("#standing .state-sending")).to_be_visible()
    approver.page.go_back()
    approver.page.go_forward()
    expect(approver.page.locator("#standing .state-sending")).to_be_visible()
    expect(approver.page.locator("details.go")).to_have_count(0)
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'launch'") == 1


def test_without_scripts_an_ended_session_gives_the_form_back(sit: AtBrowser) -> None:
    author = sit("author", javascript=False)
    author.go("/console/compose")
    author.hands.press(author.page.locator('button[value="storm issue"]'))
    author.choose("hazard", "tornado")
    cookies = author.page.context.cookies()
    author.page.context.clear_cookies()
    author.hands.press(author.page.locator("#review"))
    author.page.context.add_cookies(cookies)  # signed in again in another window
    author.hands.press(author.page.locator("main form button"))
    expect(author.page.locator('[name="blank.hazard"]')).to_have_value("tornado")


@pytest.mark.long
def test_a_session_that_ends_before_the_launch_launches_nothing(city: datetime, sit: AtBrowser) -> None:
    with transaction() as s:
        factories.sender(s, now=city)
        alert = factories.alert_ready(s, now=city).id
    approver = sit("approver")
    approver.go(f"/console/alerts/{alert}")
    approver.page.context.clear_cookies()
    approver.launch()
    approver.page.wait_for_url("**/console/sign-in*")
    assert f"/console/alerts/{alert}" in approver.page.locator("main [name=next]").first.input_value()
    assert asked.number("SELECT count(*) FROM audit WHERE action = 'launch'") == 0

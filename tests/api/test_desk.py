"""The desk of 311: who may go where."""

import re
from collections.abc import Callable

import httpx

from api import desk

Desk = Callable[[str], httpx.Client]


def test_the_menu_lists_what_is_served(at_desk: Desk) -> None:
    page = at_desk("agent").get("/desk").text
    listed = re.findall(r'<a href="(/desk[^"]*)"', page[page.index('class="places"') : page.index("</nav>")])
    assert listed[0] == "/desk"
    assert listed == list(desk.MENU)


def test_a_page_of_the_desk_is_answered_within_the_desk(at_desk: Desk) -> None:
    page = at_desk("author").get("/desk")
    assert page.status_code == 403
    assert 'href="/console">Console</a>' in page.text
    assert 'href="/desk">Answer' not in page.text

"""A double click, the Back button, a browser that keeps no cookies: nothing of a resident happens twice, or is lost."""

import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from notify.core import one_time_codes
from notify.core.settings import settings
from tests.api import asked, joins
from tests.api.joins import HOME, MAIL, PHONE, begin, form, join, sent_code, sent_link
from tests.database import sql
from tests.owner import as_owner


@pytest.fixture(autouse=True)
def _a_city_that_sends(database: str) -> None:
    joins.city_that_sends()


def once(door: httpx.Client, path: str) -> str:
    found = re.search(r'name="once" value="([^"]+)"', door.get(path).text)
    assert found, f"{path} has no form that counts once"
    return found[1]


def messages(kind: str = "join-code") -> int:
    return asked.number("SELECT count(*) FROM direct_messages WHERE kind = :kind", kind=kind)


def test_a_form_to_join_that_comes_twice_sends_one_code(door: httpx.Client) -> None:
    mark = once(door, "/join")
    first, second = (begin(door, once=mark) for _ in range(2))
    assert first == second
    assert messages() == 1
    assert form(door, first, code=sent_code()).status_code == 303


def test_two_presses_at_once_send_one_code(door: httpx.Client) -> None:
    fields = {"contact": PHONE, "place": HOME, "once": once(door, "/join")}

    def press(_n: int) -> str:
        answer = httpx.post(f"{door.base_url}/join", data=fields, headers={"Origin": settings().public_url}, timeout=60)
        return answer.headers["location"]

    with ThreadPoolExecutor(4) as pressing:
        assert len(set(pressing.map(press, range(4)))) == 1
    assert messages() == 1


def test_who_goes_back_and_corrects_the_address_gets_a_code_there(door: httpx.Client) -> None:
    mark = once(door, "/join")
    assert begin(door, once=mark) != begin(door, MAIL, once=mark)
    assert messages() == 2


def test_who_goes_back_and_corrects_the_place_joins_with_that_one(door: httpx.Client) -> None:
    mark = once(door, "/join")
    begin(door, once=mark, place="0.6 0.5 7 Wrong St")
    page = begin(door, once=mark, place=HOME)
    assert form(door, page, code=sent_code()).status_code == 303
    shown = door.get("/me?lang=en").text
    assert "120 Main St" in shown
    assert "7 Wrong St" not in shown


def test_the_same_form_a_while_later_sends_a_new_code(door: httpx.Client) -> None:
    mark = once(door, "/join")
    first = begin(door, once=mark)
    as_owner("UPDATE joinings SET made_at = made_at - interval '61 s'")
    assert begin(door, once=mark) != first
    assert messages() == 2


@pytest.mark.parametrize("forged", ["", "short", "x" * 33, "ä" * 32])
def test_a_form_whose_mark_is_not_ours_counts_each_time(door: httpx.Client, forged: str) -> None:
    assert begin(door, once=forged) != begin(door, once=forged)


def test_the_second_press_on_join_opens_the_same_page_and_changes_nothing(door: httpx.Client) -> None:
    page, code = begin(door), sent_code()
    first = form(door, page, code=code)
    door.cookies.clear()  # the browser has dropped the first answer
    second = form(door, page, code=code)
    assert first.headers["location"] == second.headers["location"]
    assert "new=yes" in second.headers["location"]
    assert "You have joined" in door.get(second.headers["location"]).text
    assert messages("welcome") == 1
    assert sql("SELECT count(*), (SELECT count(*) FROM consents), (SELECT count(*) FROM places) FROM subscribers") == [
        (1, 1, 1)
    ]


def test_another_code_a_moment_later_opens_nothing(door: httpx.Client) -> None:
    page, code = begin(door), sent_code()
    assert form(door, page, code=code).status_code == 303
    door.cookies.clear()
    wrong = f"{(int(code) + 1) % 10**6:06}"
    assert [form(door, page, code=wrong).status_code for _ in range(one_time_codes.TRIES)] == [404] * 5
    assert asked.number("SELECT code_tries FROM joinings") == one_time_codes.TRIES
    assert form(door, page, code=code).status_code == 404, "guesses count"


def test_the_link_leaves_no_code_to_guess(door: httpx.Client) -> None:
    begin(door)
    assert form(door, sent_link()).status_code == 303
    assert asked.number("SELECT count(*) FROM joinings WHERE code_hash IS NOT NULL") == 0


@pytest.mark.parametrize("path", ["/me/sign-in", "/me/contacts", "/me/erase"])
def test_the_other_forms_that_send_a_code_count_once_too(door: httpx.Client, path: str) -> None:
    join(door)
    mark = once(door, path if path != "/me/contacts" else "/me")
    before, contact = messages(), MAIL if path == "/me/contacts" else PHONE
    pages = {form(door, path, contact=contact, once=mark).headers["location"] for _ in range(2)}
    assert len(pages) == 1
    assert messages() == before + 1


def test_a_new_code_is_not_sent_twice_while_one_waits(door: httpx.Client) -> None:
    page = begin(door)
    sql("UPDATE direct_messages SET state = 'accepted'")
    for _ in range(2):
        assert form(door, f"{page}/again").status_code == 303
    assert messages() == 2
    assert form(door, page, code=sent_code()).status_code == 303


def test_the_second_press_on_erase_says_that_it_is_done(door: httpx.Client) -> None:
    join(door)
    page = form(door, "/me/erase").headers["location"].split("?")[0]
    code, cookies = sent_code(), dict(door.cookies)
    assert form(door, page, code=code).headers["location"].startswith("/me/erased")
    door.cookies.update(cookies)  # the browser has dropped the first answer
    assert form(door, page, code=code).headers["location"].startswith("/me/erased")


def test_whatever_is_pressed_twice_on_ones_own_page_is_done_once(door: httpx.Client) -> None:
    join(door)
    contact = asked.number("SELECT id FROM contacts")
    presses: dict[str, dict[str, object]] = {
        "/me/places": {"label": "Work", "place": "0.6 0.5 1 Elm St"},
        f"/me/test/{contact}": {},
        f"/me/contacts/{contact}/stop": {},
        "/me/start": {},
        f"/me/places/{asked.number('SELECT id FROM places')}/remove": {},
    }
    for path, fields in presses.items():
        answers = [form(door, path, **fields) for _ in range(2)]
        assert [one.status_code for one in answers] == [303, 303], path
    assert messages("self-test") == 1
    assert sql("SELECT count(*), min(label) FROM places") == [(1, "Work")]
    assert sql("SELECT act, count(*) FROM address_ledger GROUP BY act ORDER BY act") == [
        ("lifted", 1),
        ("suppressed", 1),
    ]


def test_who_goes_back_to_the_code_comes_to_their_page(door: httpx.Client) -> None:
    page = begin(door)
    assert form(door, page, code=sent_code()).status_code == 303
    assert door.get(f"{page}?lang=es", follow_redirects=False).headers["location"] == "/me?lang=es"
    door.cookies.clear()
    assert door.get(page).status_code == 404


def test_a_browser_that_keeps_no_cookies_is_told_so_and_that_it_is_done(door: httpx.Client) -> None:
    for _ in ("new", "known"):
        page = begin(door)
        answer = form(door, f"{page}?lang=en", code=sent_code())
        door.cookies.clear()
        shown = door.get(answer.headers["location"], follow_redirects=True)
        assert shown.url.path == "/me/sign-in"
        assert "Your code was right, and what you asked for is done." in shown.text
        assert "let this site use cookies" in shown.text
    assert asked.number("SELECT count(*) FROM subscribers") == 1
    assert "cookies" not in door.get("/me?lang=en", follow_redirects=True).text

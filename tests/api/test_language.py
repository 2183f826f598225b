"""Which language the console speaks, and to whom."""

import re
from collections.abc import Callable
from datetime import datetime
from html.parser import HTMLParser

import httpx

from api.language import COOKIE
from notify.core import translation
from notify.core.db import transaction
from tests import factories
from tests.api import asked
from tests.api.every_page import paths, signed_in, unsubscribe_link
from tests.test_catalogue import read

__all__ = ["paths", "signed_in", "unsubscribe_link"]
Desk = Callable[[str], httpx.Client]
VOID = {"meta", "link", "input", "br", "img", "use", "path"}
SPANISH = {"Accept-Language": "es-MX, en;q=0.5"}


def speaks(client: httpx.Client, path: str = "/console/you", **headers: str) -> str:
    page = client.get(path, headers=headers).text
    return page.partition('<html lang="')[2][:2]


class Words(HTMLParser):
    """The texts of a page and the attributes that are read out, but what says that it is in another language, and the
    details of the audit, which stay as they were kept."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._elsewhere: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if (
            self._elsewhere
            or tag in {"code", "script", "style"}
            or given.get("class") == "details"
            or (tag != "html" and "lang" in given)
        ):
            self._elsewhere += [tag] if tag not in VOID else []
            return
        self.found |= {given.get(name) or "" for name in ("title", "aria-label", "placeholder", "alt")}

    def handle_endtag(self, tag: str) -> None:
        if self._elsewhere and self._elsewhere[-1] == tag:
            self._elsewhere.pop()

    def handle_data(self, data: str) -> None:
        if not self._elsewhere:
            self.found.add(" ".join(data.split()))


def test_no_page_in_spanish_has_an_english_message_left(door: httpx.Client, paths: list[str]) -> None:
    told = {one.id: one.string for one in read(translation.catalogue_of("es")) if isinstance(one.id, str)}
    english = {
        one for one, said in told.items() if re.match("[A-Z]|.* ", one) and said != one and not re.search("[%<]", one)
    }
    left = {}
    for path in (one for one in paths if one.startswith("/console")):
        page = door.get(path, headers=SPANISH).text
        assert '<html lang="es">' in page, path
        words = Words()
        words.feed(page)
        assert words.found & set(told.values()), path
        if found := words.found & english - set(told.values()):
            left[path] = found
    assert not left, "\n".join(f"{path}: {sorted(found)}" for path, found in left.items())


def test_the_browsers_language_is_taken_until_an_operator_chooses(at_desk: Desk) -> None:
    desk = at_desk("author")
    assert speaks(desk) == "en"
    assert speaks(desk, **{"Accept-Language": "fr, en;q=0.1"}) == "en"
    assert speaks(desk, **SPANISH) == "es"
    assert "Cambiar de idioma" in desk.get("/console/you", headers=SPANISH).text
    back = desk.post("/console/language?next=/console/map%3Fzone=1", data={"language": "en"}, headers=SPANISH)
    assert (back.status_code, back.headers["location"]) == (303, "/console/map?zone=1")
    assert speaks(desk, **SPANISH) == "en"


def test_an_operators_choice_counts_in_every_browser_and_for_nobody_else(at_desk: Desk) -> None:
    desk = at_desk("author")
    desk.post("/console/language", data={"language": "es"})
    assert asked.number("SELECT count(*) FROM operators WHERE language = 'es'") == 1
    del desk.cookies[COOKIE]
    assert speaks(desk) == "es"
    other = at_desk("approver")  # in a browser with no cookie
    assert speaks(other) == "en"


def test_who_is_not_signed_in_chooses_for_the_browser(door: httpx.Client) -> None:
    own = {"Origin": str(door.base_url).rstrip("/")}
    answer = door.post("/console/language?next=//evil.example/x", data={"language": "es"}, headers=own)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    assert speaks(door, "/console/sign-in") == "es"
    assert door.post("/console/language", data={"language": "es"}).status_code == 403
    door.cookies.set(COOKIE, "../../etc")
    assert speaks(door, "/console/sign-in") == "en"


def test_errors_are_in_the_language_of_the_request(at_desk: Desk) -> None:
    desk = at_desk("author")
    refused = desk.post("/console/language", data={"language": "xx"}, headers=SPANISH)
    assert refused.status_code == 422
    assert "La consola no habla" in refused.text
    assert 'lang="es">Elija uno de estos' in refused.text
    refused = desk.post("/console/language", data={"language": "xx"})
    assert "The console does not speak" in refused.text


def test_the_stream_of_an_alert_speaks_the_operators_language(at_desk: Desk, city: datetime) -> None:
    alert_id = factories.alert_resolved(now=city, channels=("sms",))
    desk = at_desk("author")
    with transaction() as s:
        factories.operator(s, "author").language = "es"
    with desk.stream("GET", f"/console/alerts/{alert_id}/events") as stream:
        lines = (line for line in stream.iter_lines() if "<time" in line)
        assert re.search(r">\d+ [a-z]{3,4} \d{4}, \d\d:", next(lines))  # in English, months have a capital


def test_residents_pages_keep_to_their_own_choice(door: httpx.Client) -> None:
    door.cookies.set(COOKIE, "es")
    assert speaks(door, "/") == "en"
    assert speaks(door, "/?lang=es") == "es"


def test_an_error_is_in_the_operators_language_at_the_console_and_in_english_over_rest(
    door: httpx.Client, at_desk: Desk, key: Callable[..., dict[str, str]]
) -> None:
    desk = at_desk("approver")
    with transaction() as s:
        factories.operator(s, "approver").language = "es"
    assert "No existe la alerta 99." in desk.get("/console/alerts/99").text
    refused = door.get("/api/v1/alerts/99", headers=key("approver") | {"Accept-Language": "es"})
    assert refused.json()["detail"] == "There is no alert 99."

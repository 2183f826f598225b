"""Which language the console speaks, and to whom."""

import re
from collections.abc import Callable
from datetime import datetime
from html.parser import HTMLParser

import httpx
from shapely.geometry import LineString

from api.language import COOKIE
from notify.alerts import lifecycle
from notify.core import alarms, reasons, translation
from notify.core.db import transaction
from notify.delivery import sender_health
from tests import factories
from tests.api import asked
from tests.api.every_page import paths, signed_in, unsubscribe_link
from tests.api.test_zone_import import BOWTIE, collection
from tests.test_catalogue import read

__all__ = ["paths", "signed_in", "unsubscribe_link"]
Desk = Callable[[str], httpx.Client]
VOID = {"meta", "link", "input", "br", "img", "use", "path"}
SPANISH = {"Accept-Language": "es-MX, en;q=0.5"}


def speaks(client: httpx.Client, path: str = "/console/you", **headers: str) -> str:
    page = client.get(path, headers=headers).text
    return page.partition('<html lang="')[2][:2]


# Words that Spanish does not have, and what people or files have named.
ENGLISH = re.compile(
    r"\b(the|is|of|and|not|with|was|were|are|to|for|it|its|by|from|this|that|has|have|been|will|who|your|you|there)\b",
    re.IGNORECASE,
)
NAMES = re.compile(
    r"City of Tocsin|The bridge is closed\.|Still out\? .*Report it|Out there"
    r"|City parking garages are free until the rule ends\.|City offices are closed today\."
    r"|the year 2027"
)


class Words(HTMLParser):
    """The texts of a page and the attributes that are read out, but what says that it is in another language."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self._elsewhere: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if self._elsewhere or tag in {"code", "script", "style"} or (tag != "html" and "lang" in given):
            self._elsewhere += [tag] if tag not in VOID else []
            return
        self.found |= {given.get(name) or "" for name in ("title", "aria-label", "placeholder", "alt")}

    def handle_endtag(self, tag: str) -> None:
        if self._elsewhere and self._elsewhere[-1] == tag:
            self._elsewhere.pop()

    def handle_data(self, data: str) -> None:
        if not self._elsewhere:
            self.found.add(" ".join(data.split()))


def in_english(texts: set[str]) -> set[str]:
    return {text for text in texts if ENGLISH.search(NAMES.sub("", text))}


def said_in_spanish(answer: httpx.Response) -> str:
    """The page, which has no English sentence."""
    assert '<html lang="es" dir="ltr">' in answer.text
    words = Words()
    words.feed(answer.text)
    assert in_english(words.found) == set(), answer.request.url
    return answer.text


def test_no_page_in_spanish_has_an_english_message_left(door: httpx.Client, paths: list[str]) -> None:
    told = {one.id: one.string for one in read(translation.catalogue_of("es")) if isinstance(one.id, str)}
    english = {
        one for one, said in told.items() if re.match("[A-Z]|.* ", one) and said != one and not re.search("[%<]", one)
    }
    left = {}
    for path in (one for one in paths if one.startswith(("/console", "/desk"))):
        page = door.get(path, headers=SPANISH).text
        assert '<html lang="es" dir="ltr">' in page, path
        words = Words()
        words.feed(page)
        assert words.found & set(told.values()), path
        if found := words.found & english - set(told.values()) | in_english(words.found):
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
        assert re.search(r"\d:\d\d [ap]m<", next(lines))  # in English, these are capitals


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


def test_what_is_refused_is_said_in_spanish(at_desk: Desk, city: datetime) -> None:
    """Sentences that are made in the domain, not in a template."""
    desk = at_desk("admin")
    desk.headers.update(SPANISH)
    ready, draft, thread = _alerts(city)
    posts: list[tuple[str, dict[str, str]]] = [
        (f"/console/alerts/{draft}/launch", {"sure": "yes"}),
        (f"/console/alerts/{ready}/launch", {"sure": "yes", "area_hash": "another"}),
        (f"/console/alerts/{draft}/approve", {"sure": "yes"}),
        (f"/console/alerts/{draft}/pause", {}),
        (f"/console/alerts/{ready}/break-glass", {"reason": ""}),
        (f"/console/incidents/{thread}/claims", {"zone": ""}),
        (f"/console/incidents/{thread}/claims", {"zone": "Nowhere"}),
        (f"/console/incidents/{thread}/claims/99/release", {}),
        (f"/console/incidents/{thread}/notes", {"text": ""}),
        ("/console/requests", {"source": "", "danger": "", "place": "", "minutes": "x"}),
        ("/console/requests/99/answer", {"alert": "99"}),
        ("/console/requests/99/precaution", {"advice": "nothing"}),
        ("/console/operators", {"email": "nobody", "role": "king"}),
        ("/console/operators/1/limits", {"contacts": "many", "hours": "always"}),
        ("/console/senders/1", {"rate_per_s": "fast"}),
        ("/console/policies", {"channel": "pigeon"}),
        ("/console/roster/plan", {"begins": "tomorow", "ends": "", "operator": "x"}),
        ("/console/drills", {"scenario": "picnic"}),
        ("/console/words/storm/issue", {"version": "0"}),
        ("/console/you/contacts", {"channel": "sms", "address": "12"}),
        ("/console/you/password", {"password": "short"}),
    ]
    for path, form in posts:
        answer = desk.post(path, data=form)
        assert answer.status_code != 500, path
        said_in_spanish(answer)


def _alerts(city: datetime) -> tuple[int, int, int]:
    """One that is approved, a draft, and the incident of the first."""
    with transaction() as s:
        ready, draft = factories.alert_ready(s, now=city), factories.alert_draft(s, now=city)
        return ready.id, draft.id, ready.incident_id


def test_the_report_of_an_import_is_in_spanish(at_desk: Desk) -> None:
    desk = at_desk("admin")
    desk.headers.update(SPANISH)

    def checked(document: bytes) -> str:
        file = {"file": ("wards.geojson", document)}
        return said_in_spanish(desk.post("/console/zones/import", data={"kind": "custom"}, files=file))

    page = checked(collection(Bow=BOWTIE, Line=LineString([(-75.2, 39.9), (-75.1, 40.0)])))
    assert "Bow: se reparó (se cruza consigo misma en" in page
    assert "Line: Es un LineString, no un polígono." in page
    assert "wards.geojson: No contiene elementos." in checked(collection())


def test_the_details_of_an_alarm_are_in_spanish(at_desk: Desk, city: datetime) -> None:
    with transaction() as s:
        sender = factories.sender(s).id
        sender_health.stop(s, sender, f"twilio refuses it: {reasons.sentence('30007')}", city)
        alarms.sound(s, alarms.LAUNCHED_LATE, "Alert 3 was launched 5 minutes late.", city, alert_id=None)
    page = at_desk("admin").get("/console/senders", headers=SPANISH)
    assert f"El remitente {sender} está detenido: twilio lo rechaza: 30007: " in said_in_spanish(page)
    assert "La alerta 3 se lanzó con 5 minutos de retraso." in page.text


def test_an_area_has_its_name_in_the_readers_language(at_desk: Callable[[str], httpx.Client], city: datetime) -> None:
    with transaction() as s:
        factories.zone(s, "Docks", factories.square(2, 0))
        alert = factories.alert_ready(s, now=city, zones=("Riverside", "Docks")).id
        lifecycle.launch(s, alert, None, city)
    desk = at_desk("author")
    for path in (
        "/console",
        f"/console/alerts/{alert}",
        "/console/alerts",
        "/console/map",
        f"/console/alerts/{alert}/report",
    ):
        english = desk.get(path, headers={"Accept-Language": "en"}).text
        assert "Riverside and Docks" in english, path
        spanish = desk.get(path, headers={"Accept-Language": "es"}).text
        assert "Riverside y Docks" in spanish, path
        assert "Riverside and Docks" not in re.sub("<blockquote.*?</blockquote>", "", spanish, flags=re.DOTALL), path
        assert "m..<" not in spanish, path

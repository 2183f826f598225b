"""The language of a page: for staff their choice, else that of this browser, else what it asks for."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from notify.core import translation
from notify.core.settings import settings

COOKIE = "tocsin-language"
AT_CONSOLE = ("/console/", "/desk/")  # where staff work
FOR_PROGRAMS = ("/api/", "/hooks/", "/healthz", "/readyz", "/metrics", "/tiles/", "/map/")


class ReadersLanguage:
    """Speaks the reader's language while a page of the console or of residents is answered; programs are answered in
    English.

    `auth.viewer` changes to that of the operator, once it knows who it is.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_at_console(scope["path"]):
            with translation.speaking(_of_browser(Request(scope))):
                await self.app(scope, receive, send)
        elif scope["type"] == "http" and not f"{scope['path']}/".startswith(FOR_PROGRAMS):
            with translation.speaking(of_resident(Request(scope))):
                await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def is_at_console(path: str) -> bool:
    return f"{path}/".startswith(AT_CONSOLE)


def start_of(path: str) -> str:
    """Return the address from which somebody goes on who is at this path: the desk, the console, or the city's page."""
    if not is_at_console(path):
        return "/"
    return "/desk" if f"{path}/".startswith("/desk/") else "/console"


def of_resident(request: Request) -> str:
    """Return the language in `?lang=es`, else the first of Accept-Language that we have, else the city's first."""
    spoken = spoken_to_residents()
    if (asked := request.query_params.get("lang")) in spoken:
        return str(asked)
    return preferred(request.headers, spoken) or spoken[0]


def spoken_to_residents() -> list[str]:
    """Return the city's languages that we have, its first one first."""
    return [language for language in settings().languages if language in translation.LOCALES] or ["en"]


def preferred(headers: Headers, spoken: list[str]) -> str | None:
    """Return the first language of Accept-Language (RFC 9110 section 12.5.4) that is spoken."""
    weighed: list[tuple[float, str]] = []
    for item in headers.get("accept-language", "")[:500].split(","):
        tag, _, weight = item.strip().partition(";q=")
        try:
            weighed.append((float(weight or 1), tag.partition("-")[0].lower()))
        except ValueError:
            continue
    wanted = [tag for weight, tag in sorted(weighed, key=lambda one: -one[0]) if weight > 0]
    return next((tag for tag in wanted if tag in spoken), None)


def _of_browser(request: Request) -> str:
    if (chosen := request.cookies.get(COOKIE)) in translation.LOCALES:
        return str(chosen)
    return preferred(request.headers, list(translation.LOCALES)) or "en"

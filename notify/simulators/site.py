"""The simulator's pages: phones, inboxes and the timeline, as residents see them.

They work with links and forms alone; assets/live.js keeps them up to date.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from notify.simulators.inbox_actions import report_spam, unsubscribe
from notify.simulators.replies import reply
from notify.simulators.sendgrid_events import EventWebhook
from notify.simulators.totals import totals
from notify.simulators.world import World

PAGES = Path(__file__).parent / "pages"
ASSETS = PAGES / "assets"
PAGE_SIZE = 40
BUBBLES = 200  # the most messages shown of a conversation
# A mail has its own styles, and a srcdoc frame is subject to the page's policy. The frame's sandbox forbids scripts.
POLICY = (
    "default-src 'none'; style-src 'self'{more}; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'self'; frame-ancestors 'none'"
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """One page of a long list."""

    items: list[T]
    number: int
    more: bool
    words: str

    def address(self, number: int) -> str:
        return "?" + urlencode({"q": self.words, "page": number} if self.words else {"page": number})


class Site:
    def __init__(self, world: World, events: EventWebhook) -> None:
        self._world = world
        self._events = events
        self._templates = Environment(
            loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._templates.filters |= {"clock": _clock, "number": _number, "path": _path, "iso": _iso}
        self._templates.globals["zone"] = datetime.now().astimezone().tzname()

    def routes(self) -> list[Route]:
        return [
            Route("/", self.phones),
            Route("/phones", self.write, methods=["POST"]),
            Route("/phones/{number}", self.phones),
            Route("/phones/{number}/reply", self.reply, methods=["POST"]),
            Route("/inboxes", self.inboxes),
            Route("/inboxes/{address}", self.inboxes),
            Route("/inboxes/{address}/{action}", self.click, methods=["POST"]),
            Route("/timeline", self.timeline),
        ]

    async def phones(self, request: Request) -> Response:
        number = request.path_params.get("number", "")
        phone = self._world.phones.find_phone(number) if number else None
        if number and phone is None:
            return self._show(request, "missing.html", status=404, tab="phones")
        said = phone.conversation[-BUBBLES:] if phone is not None else []
        return self._show(request, "phones.html", tab="phones", phone=phone, said=said, **self._list(request))

    async def write(self, request: Request) -> Response:
        """Text the city from a number that may be new."""
        given = await _form(request)
        number, to, words = given.get("number", ""), given.get("to", ""), given.get("text", "")
        dialled, ours = _dialled(number), _dialled(to) or (to if to.isdecimal() else "")
        problem = ""
        if not dialled:
            problem = f"{number or 'That'} is not a US phone number. Type ten digits, such as 215 555 0123."
        elif not ours:
            problem = f"{to or 'That'} is not a number of the city. Type ten digits, or a short code."
        elif not words.strip():
            problem = "Type what this phone says, such as JOIN."
        if problem:
            typed = self._list(request) | {"number": number, "to": to, "text": words, "problem": problem}
            return self._show(request, "phones.html", status=400, tab="phones", phone=None, said=[], **typed)
        answered = await reply(self._world, dialled, words, ours)
        self._world.phones.phone(dialled).problem = answered.problem
        self._world.touch()
        return RedirectResponse(f"/phones/{_path(dialled)}", 303)

    def _list(self, request: Request) -> dict[str, Any]:
        """Return what the list of phones shows: one page of it, and the form to text from a new one."""
        to = self._world.phones.last_sender() or self._world.config.twilio_number
        page = _slice(request, self._world.phones.latest)
        return {"page": page, "number": "", "to": to, "text": "", "problem": ""}

    async def inboxes(self, request: Request) -> Response:
        address = request.path_params.get("address", "")
        inbox = self._world.inboxes.find(address) if address else None
        chosen = request.query_params.get("mail", "")
        mail = inbox.mail(int(chosen) if chosen.isdecimal() else None) if inbox is not None else None
        if address and mail is None:
            return self._show(request, "missing.html", status=404, tab="inboxes")
        page = _slice(request, self._world.inboxes.latest)
        return self._show(request, "inboxes.html", own_styles=True, tab="inboxes", page=page, inbox=inbox, mail=mail)

    async def timeline(self, request: Request) -> Response:
        posts = self._world.timeline.posts
        page = _slice(request, lambda words: (post for post in reversed(posts) if words in post.text.casefold()))
        return self._show(request, "timeline.html", tab="timeline", page=page)

    async def reply(self, request: Request) -> Response:
        number = request.path_params["number"]
        phone = self._world.phones.find_phone(number)
        words = (await _form(request)).get("text", "")
        if phone is not None and words.strip():
            try:
                answered = await reply(self._world, number, words)
                phone.problem = answered.problem
            except ValueError as error:
                phone.problem = str(error)
            self._world.touch()
        return RedirectResponse(f"/phones/{_path(number)}", 303)

    async def click(self, request: Request) -> Response:
        address, action = request.path_params["address"], request.path_params["action"]
        inbox = self._world.inboxes.find(address)
        order = (await _form(request)).get("order", "")
        mail = inbox.mail(int(order)) if inbox is not None and order.isdecimal() else None
        if inbox is None or mail is None or action not in {"unsubscribe", "spam"}:
            return self._show(request, "missing.html", status=404, tab="inboxes")
        if action == "spam":
            clicked = report_spam(self._world, self._events, mail)
        else:
            clicked = await unsubscribe(self._world, mail)
        inbox.problem = clicked.problem
        self._world.touch()
        return RedirectResponse(f"/inboxes/{_path(address)}?mail={mail.order}", 303)

    def _show(
        self, request: Request, template: str, *, status: int = 200, own_styles: bool = False, **values: Any
    ) -> Response:
        etag = f'W/"{self._world.version}"'
        headers = {
            "Content-Security-Policy": POLICY.format(more=" 'unsafe-inline'" if own_styles else ""),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
            "ETag": etag,
        }
        if request.headers.get("if-none-match") == etag and status == 200:
            return Response(status_code=304, headers=headers)
        html = self._templates.get_template(template).render(totals=totals(self._world), **values)
        return HTMLResponse(html, status, headers)


def _slice(request: Request, find: Callable[[str], Iterator[T]]) -> Slice[T]:
    words = request.query_params.get("q", "")
    asked = request.query_params.get("page", "1")
    number = max(1, int(asked)) if asked.isdecimal() else 1
    start = (number - 1) * PAGE_SIZE
    found = list(islice(find(words.casefold()), start, start + PAGE_SIZE + 1))
    return Slice(found[:PAGE_SIZE], number, len(found) > PAGE_SIZE, words)


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def _dialled(number: str) -> str:
    """Return a US number as Twilio writes it, +12155550123; "" if it is none."""
    digits = re.sub(r"[\s().+-]", "", number)
    return f"+1{digits[-10:]}" if re.fullmatch(r"1?[2-9]\d{9}", digits, re.ASCII) else ""


def _clock(at: float) -> str:
    """Format local time, with the date unless it is today."""
    moment = datetime.fromtimestamp(at).astimezone()
    today = moment.date() == datetime.now().astimezone().date()
    return f"{moment:%H:%M:%S}" if today else f"{moment:%Y-%m-%d %H:%M}"


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")


def _number(phone: str) -> str:
    """Format +12155550142 as +1 (215) 555-0142."""
    if phone.startswith("+1") and len(phone) == 12:
        return f"+1 ({phone[2:5]}) {phone[5:8]}-{phone[8:]}"
    return phone


def _path(part: str) -> str:
    return quote(part, safe="+@")

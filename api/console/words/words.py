"""The city's own words: a list of every event and phase, a page for each to edit them, and comparisons of versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, Viewer
from api.console.forms import whole_number
from api.console.words import words_view
from api.errors import Told, tell
from api.rendering import page
from notify.alerts.words import city_words, word_versions
from notify.alerts.words.word_versions import Written
from notify.channels.channel import CHANNELS
from notify.content import compose, own_words
from notify.content.own_words import Form, Words
from notify.core.db import transaction
from notify.core.errors import Invalid, NotFound, TocsinError
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import gettext_noop

router = APIRouter(prefix="/console/words", include_in_schema=False)
MOST_FIELDS = 500


@dataclass(frozen=True, slots=True)
class Typed:
    """The page's form as it was sent."""

    words: Mapping[Form, Words]
    fits: frozenset[Form]
    seen: str
    note: str
    act: str


async def typed(request: Request, _caller: Viewer) -> Typed:
    """Read the form, after the sign-in was checked."""
    async with request.form(max_fields=MOST_FIELDS, max_files=0) as form:
        given = {name: value for name, value in form.items() if isinstance(value, str)}
    words: dict[Form, dict[str, str]] = {}
    for name, value in given.items():
        part, _dot, rest = name.partition(".")
        channel, dot, language = rest.partition(".")
        if dot and channel in CHANNELS and part in CHANNELS[channel].parts:
            words.setdefault((channel, language), {})[part] = value
    fits = frozenset(form for form in words if f"fits.{'.'.join(form)}" in given)
    return Typed(words, fits, given.get("seen", ""), given.get("note", ""), given.get("do", ""))


Sent = Annotated[Typed, Depends(typed)]


@router.get("")
def list_words(request: Request, caller: Viewer) -> Response:
    with transaction() as s:
        every = city_words.everything(s, settings())
    return page(
        request,
        "console/words_list.html",
        caller=caller,
        every=every,
        events=compose.catalogue(),
        languages=city_words.languages_of(settings()),
        phase_label=words_view.phase_label,
    )


@router.get("/{event}/{phase}")
def show_words(event: str, phase: str, request: Request, caller: Viewer) -> Response:
    return _page(request, caller, event, phase)


@router.post("/{event}/{phase}")
def write_words(event: str, phase: str, request: Request, caller: Viewer, sent: Sent) -> Response:
    """With `do=save` save the words; else show them again with what is to be corrected. `do=built-in.sms.es` takes the
    built-in words of a form into it."""
    if sent.act != "save":
        return _page(request, caller, event, phase, sent)
    try:
        written = {form: Written(words, form in sent.fits) for form, words in sent.words.items()}
        with transaction() as s:
            seen = _seen(sent.seen)
            word_versions.save(s, event, phase, written, seen, sent.note, caller.acting, datetime.now(UTC), settings())
    except NotFound:
        raise
    except TocsinError as error:
        return _page(request, caller, event, phase, sent, tell(error))
    return RedirectResponse(f"/console/words/{event}/{phase}#history", 303)


@router.post("/{event}/{phase}/proofs")
def proofs(event: str, phase: str, request: Request, caller: Viewer, sent: Sent) -> Response:
    """The previews of what is typed, which the page replaces by their ids."""
    with transaction() as s:
        shown = words_view.sheet(s, event, phase, settings(), _known(event, phase, sent), sent.fits)
    return page(request, "console/words_live.html", v=shown, part_label=words_view.part_label)


@router.get("/{event}/{phase}/compare")
def compare(
    event: str,
    phase: str,
    request: Request,
    caller: Viewer,
    form: Annotated[str, Query(max_length=60)] = "",
    before: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    after: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
) -> Response:
    """Two versions of a form's words, side by side; `after` is by default the newest."""
    with transaction() as s:
        shown = words_view.sheet(s, event, phase, settings())
        chosen = next((key for key in shown.editors if ".".join(key) == form), None)
        if chosen is None:
            raise NotFound(_("There is no message %(form)s.", form=repr(form)), hint=_("Choose one from the history."))
        newest = shown.editors[chosen].current.version if after is None else after
        texts = [word_versions.at_version(s, shown.event, phase, chosen, version) for version in (before, newest)]
    return page(
        request,
        "console/words_compare.html",
        caller=caller,
        v=shown,
        form=chosen,
        before=before,
        after=newest,
        compared=words_view.compared(*texts),
        versions=[one for one in shown.history if (one.row.channel, one.row.language) == chosen],
        part_label=words_view.part_label,
    )


def _page(
    request: Request, caller: Caller, event: str, phase: str, sent: Typed | None = None, told: Told | None = None
) -> Response:
    words = _known(event, phase, sent) if sent else None
    with transaction() as s:
        shown = words_view.sheet(
            s, event, phase, settings(), words, sent.fits if sent else frozenset(),
            sent.note if sent else "",
        )  # fmt: skip
    return page(
        request,
        "console/words.html",
        caller=caller,
        v=shown,
        told=told,
        may_write=caller.may("words"),
        part_label=words_view.part_label,
        phase_label=words_view.phase_label,
    )


def _known(event_name: str, phase: str, sent: Typed) -> dict[Form, Words]:
    """Return what was typed for forms that there are, with all their parts; built-in words where `do` asks for them."""
    event = compose.catalogue().event(event_name)
    forms = [(channel, language) for channel in event.written(phase) for language in event.languages]
    built_in = sent.act.removeprefix("built-in.") if sent.act.startswith("built-in.") else ""
    found: dict[Form, Words] = {}
    for form in forms:
        if ".".join(form) == built_in:
            found[form] = own_words.built_in(event, phase, *form)
        elif form in sent.words:
            found[form] = {part: sent.words[form].get(part, "") for part in CHANNELS[form[0]].parts}
    return found


def _seen(given: str) -> int:
    seen = whole_number(
        given, gettext_noop("This form has no valid number %(given)s."), gettext_noop("Open the page again.")
    )
    if seen is None:
        raise Invalid(_("This form does not say which words it showed."), hint=_("Open the page again."))
    return seen

"""`/api/v1/words`: the city's own words for messages, in place of the built-in ones."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from api.auth import Reader
from api.openapi import problems
from notify.alerts.words import city_words, word_versions
from notify.alerts.words.word_versions import Version, Written
from notify.channels.channel import CHANNELS, ChannelName
from notify.content import compose, own_words
from notify.content.own_words import Form
from notify.core.db import transaction
from notify.core.errors import Invalid
from notify.core.settings import settings
from notify.core.translation import gettext as _

router = APIRouter(prefix="/api/v1/words", tags=["words"])

PARTS = "By part: " + "; ".join(f"{name}: {', '.join(one.parts)}" for name, one in CHANNELS.items()) + "."


class FormOut(BaseModel):
    """A message in one channel and language."""

    model_config = ConfigDict(from_attributes=True)

    event: str
    phase: str
    channel: str
    language: str
    version: int = Field(description="0: the city never wrote any.")
    own: bool = Field(description="Whether these are the city's words, not the built-in ones.")
    stale: bool = Field(description="A translation that is older than its original.")
    at: datetime | None
    by: str | None
    note: str


class Forms(BaseModel):
    messages: list[FormOut]


class FormWithWords(FormOut):
    words: dict[str, str] = Field(description=PARTS)


class WordsOut(BaseModel):
    seen: int = Field(description="Send it back when you save: refused if somebody has saved meanwhile.")
    messages: list[FormWithWords]


class VersionOut(BaseModel):
    channel: str
    language: str
    version: int
    words: dict[str, str] | None = Field(description="Null: the built-in words.")
    original: str = Field(description="The language that it was translated from.")
    made_from: int = Field(description="The version of the original.")
    note: str
    at: datetime
    by: str | None


class Versions(BaseModel):
    versions: list[VersionOut]


class NewForm(BaseModel):
    model_config = ConfigDict(extra="forbid")

    channel: ChannelName
    language: str = Field(max_length=35, examples=["en"])
    words: dict[str, Annotated[str, Field(max_length=20_000)]] | None = Field(
        None, description=f"{PARTS} Null: the built-in words."
    )
    fits: bool = Field(False, description="The translation says the same as its original, which you have read.")


class NewWords(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "seen": 0,
                "note": "After the flood",
                "messages": [
                    {"channel": next(iter(CHANNELS)), "language": "en", "words": {"text": "{{ city }}: it is over."}}
                ],
            }
        },
    )

    seen: int = Field(ge=0, lt=2**63, description="Of the words as you have read them.")
    note: str = Field("", max_length=2000, description="Why; 500 characters at most.")
    messages: list[NewForm] = Field(min_length=1, max_length=100)


@router.get("", summary="Whose words every message has", responses=problems())
def list_words(caller: Reader) -> Forms:
    with transaction() as s:
        found = city_words.everything(s, settings()).values()
        return Forms(messages=[FormOut.model_validate(one) for forms in found for one in forms])


@router.get("/{event}/{phase}", summary="The words in force", responses=problems(404, 422))
def get_words(event: str, phase: str, caller: Reader) -> WordsOut:
    with transaction() as s:
        return _in_force(s, _event(event, phase), phase)


@router.get("/{event}/{phase}/versions", summary="Every version of the words", responses=problems(404, 422))
def list_versions(event: str, phase: str, caller: Reader) -> Versions:
    """The newest first. Versions are never changed or deleted."""
    _event(event, phase)
    with transaction() as s:
        return _versions(word_versions.history(s, event, phase))


@router.post("/{event}/{phase}", summary="Write new words", status_code=201, responses=problems(403, 404, 409, 422))
def save_words(event: str, phase: str, wanted: NewWords, caller: Reader) -> WordsOut:
    """Needs the role approver or admin. Saves all of these messages or none; each that differs is a new version, in
    force at once for alerts drafted from then on. Words that could not be sent are refused with every reason."""
    known = _event(event, phase)
    written: dict[Form, Written] = {}
    with transaction() as s:
        there = city_words.current(s, known, phase, settings())
        for one in wanted.messages:
            form = (one.channel, one.language)
            if form in written:
                raise Invalid(
                    _("The message for %(channel)s in %(language)s is there twice.", channel=form[0], language=form[1])
                )
            built_in = own_words.built_in(known, phase, *form) if one.words is None and form in there else {}
            written[form] = Written(built_in if one.words is None else one.words, one.fits)
        word_versions.save(
            s, event, phase, written, wanted.seen, wanted.note, caller.acting, datetime.now(UTC), settings()
        )
        return _in_force(s, known, phase)


def _event(event: str, phase: str) -> compose.Event:
    found = compose.catalogue().event(event)
    found.defaults(phase)
    return found


def _in_force(s: Session, event: compose.Event, phase: str) -> WordsOut:
    forms = city_words.current(s, event, phase, settings()).values()
    return WordsOut(
        seen=word_versions.latest(s, event.name, phase),
        messages=[FormWithWords.model_validate(one) for one in forms],
    )


def _versions(found: Sequence[Version]) -> Versions:
    fields = [name for name in VersionOut.model_fields if name != "by"]
    return Versions(
        versions=[VersionOut(**{name: getattr(one.row, name) for name in fields}, by=one.by) for one in found]
    )

"""Write questions and answers, and list those in force."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Boolean, ColumnElement, func, literal_column, or_, select, text
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.core import audit
from notify.core.characters import visible
from notify.core.db import take_lock
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Answer, Incident, Operator
from notify.service311.answers.words import CONFIGS, folded

LOCK = 7_461_062  # two at once would take one number
IS_TOLD = """(answers.incident_id IS NULL OR EXISTS (
    SELECT FROM alerts a WHERE a.incident_id = answers.incident_id AND a.launched_at IS NOT NULL))"""
LONGEST = {"question": 200, "answer": 4_000, "short": 300, "keywords": 300}  # characters


@dataclass(frozen=True, slots=True)
class Text:
    """What is written in one language. `short`: for a text message; without it, the answer if it is short."""

    question: str
    answer: str
    short: str = ""
    keywords: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A question and its answer, by language. `number`: 0 for a new one; `seen`: the version that was changed."""

    texts: Mapping[str, Text]
    number: int = 0
    seen: int = 0
    incident_id: int | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None


def save(s: Session, written: Written, now: datetime, by: Operator) -> int:
    """Write a new question or change one, and return its number.

    Raises NotAllowed; NotFound; Invalid for missing words; Refused when somebody else changed it meanwhile.
    """
    operators.require(by, "words")
    texts = {language: _checked(language, one) for language, one in written.texts.items()}
    if set(texts) != set(settings().languages):
        raise Invalid(_("The answer is needed in every language: %(all)s.", all=", ".join(settings().languages)))
    begins = written.valid_from or now
    if written.valid_until is not None and written.valid_until <= begins:
        raise Invalid(_("The answer would end before it begins."), hint=_("Choose a later end, or none."))
    if written.incident_id is not None and s.get(Incident, written.incident_id) is None:
        raise NotFound(_("There is no incident %(incident)s.", incident=written.incident_id))
    take_lock(s, LOCK)
    there = s.scalars(select(Answer).where(Answer.number == written.number)).all()
    if written.number and not there:
        raise NotFound(_("There is no answer %(answer)s.", answer=written.number))
    if there and there[0].version != written.seen:
        raise Refused(_("Somebody changed this answer in the meantime."), hint=_("Open it again, and change it there."))
    number = written.number or (s.scalar(select(func.max(Answer.number))) or 0) + 1
    for one in there:
        s.delete(one)
    s.flush()
    for language, said in texts.items():
        s.add(
            Answer(
                number=number,
                language=language,
                question=said.question,
                answer=said.answer,
                short=said.short,
                keywords=said.keywords,
                incident_id=written.incident_id,
                valid_from=begins,
                valid_until=written.valid_until,
                version=written.seen + 1,
                changed_at=now,
                changed_by=by.id,
                search=_search(language, said),
            )
        )
    s.flush()
    audit.note(s, now=now, by=by, action="write", subject="answer", subject_id=number, version=written.seen + 1)
    return number


def end(s: Session, number: int, now: datetime, by: Operator) -> None:
    """Let an answer end now. Raises NotAllowed, NotFound."""
    operators.require(by, "words")
    for one in of_number(s, number).values():
        one.valid_from, one.valid_until = min(one.valid_from, now), now
        one.version, one.changed_at, one.changed_by = one.version + 1, now, by.id
    audit.note(s, now=now, by=by, action="end", subject="answer", subject_id=number)


def of_number(s: Session, number: int) -> dict[str, Answer]:
    """Return an answer by language. Raises NotFound."""
    found = {one.language: one for one in s.scalars(select(Answer).where(Answer.number == number))}
    if not found:
        raise NotFound(_("There is no answer %(answer)s.", answer=number))
    return found


def in_force(s: Session, language: str, now: datetime) -> Sequence[Answer]:
    """Return the answers in force in a language: those about an incident first, then the newest."""
    return s.scalars(
        select(Answer)
        .where(Answer.language == language, *valid(now))
        .order_by(Answer.incident_id.desc().nulls_last(), Answer.changed_at.desc(), Answer.number)
    ).all()


def about(s: Session, incidents: Collection[int], language: str, now: datetime, most: int = 5) -> Sequence[Answer]:
    """Return the answers in force about incidents, the newest first."""
    theirs = select(Answer).where(Answer.language == language, Answer.incident_id.in_(incidents), *valid(now))
    return s.scalars(theirs.order_by(Answer.changed_at.desc(), Answer.number).limit(most)).all() if incidents else ()


def every(s: Session, language: str) -> Sequence[Answer]:
    """Return all answers in a language, ended ones included, the last changed first."""
    return s.scalars(select(Answer).where(Answer.language == language).order_by(Answer.changed_at.desc())).all()


def valid(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of an answer that is in force. What is written about an incident is, once an alert of it
    went out: nobody reads of it here what nobody has approved there."""
    return (
        Answer.valid_from <= now,
        or_(Answer.valid_until.is_(None), Answer.valid_until > now),
        literal_column(IS_TOLD, Boolean),
    )


def _checked(language: str, given: Text) -> Text:
    said = Text(*(visible(part) for part in (given.question, given.answer, given.short, given.keywords)))
    if not said.question or not said.answer:
        raise Invalid(_("The question or the answer in the language %(language)s is missing.", language=language))
    for name, most in LONGEST.items():
        if len(getattr(said, name)) > most:
            raise Invalid(
                _("The words in the language %(language)s are missing or too long.", language=language),
                hint=_("Write up to %(most)s characters.", most=most),
            )
    return said


def _search(language: str, said: Text) -> ColumnElement[str]:
    """Return the expression of what an answer is found by: its question and keywords weigh more than its words."""
    config = CONFIGS.get(language, "simple")
    first, second = folded(f"{said.question} {said.keywords}"), folded(f"{said.answer} {said.short}")
    weight_a = func.setweight(func.to_tsvector(text(f"'{config}'"), first), text("'A'"))
    weight_b = func.setweight(func.to_tsvector(text(f"'{config}'"), second), text("'C'"))
    return weight_a.op("||")(weight_b)

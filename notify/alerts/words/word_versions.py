"""Write the city's own words for messages: each save is a new version, which is never changed or deleted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts.words import city_words, word_proofs
from notify.alerts.words.city_words import Current
from notify.channels.channel import CHANNELS
from notify.content import compose, own_words
from notify.content.events import Event
from notify.content.own_words import Form, Words
from notify.core import audit
from notify.core.characters import visible
from notify.core.db import take_lock
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.models import Operator, WordVersion

WRITING_LOCK = 7_461_005  # of PostgreSQL: one save at a time
LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class Written:
    """New words of a form. Those that equal the built-in ones go back to them. `fits`: as a translation, they say the
    same as the original that is saved with them, or else as the current one."""

    words: Words
    fits: bool = False


class Version(NamedTuple):
    """A version of a form's words, with its author's email; None: the command line of a training city."""

    row: WordVersion
    by: str | None


def save(
    s: Session,
    event_name: str,
    phase: str,
    written: Mapping[Form, Written],
    seen: int,
    note: str,
    by: Operator | None,
    now: datetime,
    settings: Settings,
) -> list[WordVersion]:
    """Save the words that differ from the current ones, all or none. `seen`: what `latest` returned with these.

    Raises NotAllowed, NotFound; Invalid with every mistake; Refused when somebody has saved meanwhile, or when nothing
    has changed.
    """
    operators.require_by(by, "words")
    event = compose.catalogue().event(event_name)
    event.defaults(phase)
    take_lock(s, WRITING_LOCK)
    require_unchanged(s, event_name, phase, seen)
    before = city_words.current(s, event, phase, settings)
    _require_forms(written, before, event, phase)
    after = _after(before, written)
    changed = {form: words for form, words in written.items() if _differs(before[form], words, after, before)}
    if not changed:
        raise Refused(_("Nothing has changed."), hint=_("Change the words, then save them."))
    said = visible(note)
    if len(said) > LONGEST_NOTE:
        raise Invalid(
            _("The note has %(n)s characters; the most is %(most)s.", n=len(said), most=LONGEST_NOTE),
            hint=_("Shorten it."),
        )
    _require_usable(event, phase, after, changed, settings)
    return _store(s, event, phase, before, changed, said, by, now, settings)


def history(s: Session, event: str, phase: str) -> list[Version]:
    """Return every version of the words of an event's phase, newest first."""
    rows = s.execute(
        select(WordVersion, Operator.email)
        .outerjoin(Operator, Operator.id == WordVersion.operator_id)
        .where(WordVersion.event == event, WordVersion.phase == phase)
        .order_by(WordVersion.id.desc())
    )
    return [Version(*row) for row in rows]


def at_version(s: Session, event: Event, phase: str, form: Form, version: int) -> Words:
    """Return the words of a version of a form; 0 is the built-in one. Raises NotFound."""
    of_form = (WordVersion.event == event.name, WordVersion.phase == phase, WordVersion.channel == form[0])
    row = s.scalar(select(WordVersion).where(*of_form, WordVersion.language == form[1], WordVersion.version == version))
    if row is None and version:
        raise NotFound(
            _("There is no version %(version)s of these words.", version=version),
            hint=_("Choose one from the history."),
        )
    return row.words if row is not None and row.words is not None else own_words.built_in(event, phase, *form)


def latest(s: Session, event: str, phase: str) -> int:
    """Return a number that changes with every save of an event's phase; 0 before the first one."""
    newest = select(func.max(WordVersion.id)).where(WordVersion.event == event, WordVersion.phase == phase)
    return s.scalar(newest) or 0


def require_unchanged(s: Session, event: str, phase: str, seen: int) -> None:
    """Raise Refused when somebody has saved since `latest` returned `seen`."""
    if latest(s, event, phase) == seen:
        return
    newest = next(iter(history(s, event, phase)), None)
    who = (newest.by if newest else None) or _("Somebody")
    raise Refused(
        _("%(who)s has saved these words meanwhile.", who=who),
        hint=_("Compare yours with the words as they are now, then save again."),
    )


def _require_forms(written: Mapping[Form, Written], known: Mapping[Form, Current], event: Event, phase: str) -> None:
    for (channel, language), given in written.items():
        if (channel, language) not in known:
            raise NotFound(
                _("There are no words for %(channel)s in '%(language)s'.", channel=channel, language=language),
                hint=_("Choose from: %(choices)s.", choices=", ".join(" ".join(form) for form in known)),
            )
        if given.words.keys() != set(CHANNELS[channel].parts):
            raise Invalid(
                _(
                    "A message for %(channel)s has these parts: %(parts)s.",
                    channel=channel,
                    parts=", ".join(CHANNELS[channel].parts),
                )
            )


def _after(before: Mapping[Form, Current], written: Mapping[Form, Written]) -> dict[Form, Words]:
    return {form: own_words.tidy(written[form].words) if form in written else one.words for form, one in before.items()}


def _differs(was: Current, given: Written, after: Mapping[Form, Words], before: Mapping[Form, Current]) -> bool:
    """Whether there is something to save: other words, or that they fit an original that has changed."""
    first = next(iter(before))[1]
    of = (was.channel, first)
    needs_fit = was.language != first and (was.stale or after[of] != before[of].words)
    return after[was.form] != was.words or (given.fits and needs_fit)


def _require_usable(
    event: Event,
    phase: str,
    after: Mapping[Form, Words],
    changed: Mapping[Form, Written],
    settings: Settings,
) -> None:
    wrong = [
        f"{CHANNELS[proof.form[0]].label}, {proof.form[1]}: {reason}"
        for proof in word_proofs.proofs(event, phase, after, changed, settings)
        for reason in proof.blocking
    ]
    if wrong:
        raise Invalid(_("These words cannot be used."), hint=_("Correct them. Nothing was saved."), details=wrong)


def _store(
    s: Session,
    event: Event,
    phase: str,
    before: Mapping[Form, Current],
    changed: Mapping[Form, Written],
    note: str,
    by: Operator | None,
    now: datetime,
    settings: Settings,
) -> list[WordVersion]:
    first = city_words.original_language(settings)
    versions = {form: one.version + (form in changed) for form, one in before.items()}
    rows = []
    for (channel, language), given in changed.items():
        was, words = before[channel, language], own_words.tidy(given.words)
        own = None if words == own_words.built_in(event, phase, channel, language) else dict(words)
        moved = was.stale or (channel, first) in changed
        if language == first or given.fits or (own and not moved):
            original, made_from = first, versions[channel, first]
        elif own:
            original, made_from = was.made_from[0] or first, was.made_from[1]
        else:
            original, made_from = first, 0  # the built-in words were made from the built-in original
        rows.append(
            WordVersion(
                event=event.name,
                phase=phase,
                channel=channel,
                language=language,
                version=versions[channel, language],
                words=own,
                original=original,
                made_from=made_from,
                note=note,
                operator_id=by.id if by else None,
                at=now,
            )
        )
    s.add_all(rows)
    s.flush()
    for row in rows:
        said = {"event": row.event, "phase": row.phase, "channel": row.channel, "language": row.language}
        audit.note(
            s, now=now, by=by, action="write", subject="words", subject_id=row.id, version=row.version,
            built_in=row.words is None, **said,
        )  # fmt: skip
    return rows

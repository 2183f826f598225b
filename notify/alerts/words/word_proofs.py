"""The words of messages with example values, checked: what somebody sees who writes them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from notify.alerts.words import city_words, linting
from notify.alerts.words.linting import Checked
from notify.content import own_words
from notify.content.compose import Context, Rendered
from notify.content.events import Event
from notify.content.linter import Message
from notify.content.own_words import Form, Words
from notify.core.errors import Invalid
from notify.core.settings import Settings

AREA = "Riverside"
LASTS = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Proof:
    """A form with example values: with every blank, and with the needed ones only; None while it has mistakes.

    `wrong`: why it cannot be saved, besides the errors among the findings."""

    form: Form
    full: Rendered | None
    short: Rendered | None
    wrong: Sequence[str]
    findings: Sequence[Checked] = ()

    @property
    def blocking(self) -> list[str]:
        """Everything that keeps it from being saved."""
        return [*self.wrong, *(f"{one.wrong} {one.instead}" for one in self.findings if one.level == "error")]


def proofs(
    event: Event, phase: str, words: Mapping[Form, Words], only: Collection[Form], now: datetime, settings: Settings
) -> list[Proof]:
    """Check some forms, and write them with example values. `words`: of all of the phase, as `tidy` returns them."""
    first = city_words.original_language(settings)
    wrong = {form: own_words.mistakes(event, phase, form, given) for form, given in words.items()}
    usable = own_words.rewritten(event, phase, {form: given for form, given in words.items() if not wrong[form]})
    found = []
    for form, given in words.items():
        original = (form[0], first)
        if wrong[form]:
            found.append(Proof(form, None, None, wrong[form]))
        else:
            untranslated = own_words.untranslated(event, given, words[original]) if not wrong[original] else []
            found.append(_proof(usable, phase, form, untranslated, now, settings))
    findings = _findings(event, phase, found, settings)
    return [replace(one, findings=findings.get(one.form, ())) for one in found if one.form in only]


def _proof(event: Event, phase: str, form: Form, wrong: list[str], now: datetime, settings: Settings) -> Proof:
    shown: list[Rendered | None] = []
    for every_blank in (True, False):
        try:
            context = _context(now, settings)
            shown.append(own_words.specimen(event, phase, form, context, every_blank=every_blank))
        except Invalid as error:
            shown.append(None)
            wrong = [*wrong, *(error.details or [error.message])]
    return Proof(form, shown[0], shown[1], list(dict.fromkeys(wrong)))


def _findings(event: Event, phase: str, found: Sequence[Proof], settings: Settings) -> dict[Form, list[Checked]]:
    """Return what the linter finds with the needed blanks only: the examples of free text are in one language."""
    written = [proof.short for proof in found if proof.short is not None]
    about = linting.about_words(
        settings,
        emergency=event.defaults(phase).lane == "emergency",
        status="Actual",
        phase=phase,
        area=AREA,
    )
    messages = [Message(one.channel, one.language, one.subject, one.text) for one in written]
    by_form: dict[Form, list[Checked]] = {}
    for one in linting.check(messages, replace(about, from_template=True)):
        by_form.setdefault((one.channel, one.language), []).append(one)
    return by_form


def _context(now: datetime, settings: Settings) -> Context:
    return Context(
        city=settings.city,
        area=AREA,
        expires_at=now + LASTS,
        timezone=settings.tz,
        link=f"{settings.public_url}/alerts/1234",
        program=settings.program,
        help_contact=settings.help_contact,
        now=now,
    )

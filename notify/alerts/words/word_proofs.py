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
USUAL = "2027-01-12T12:00"  # where no blank has a time
LASTS = timedelta(hours=6)  # after the last time of the examples


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
    event: Event, phase: str, words: Mapping[Form, Words], only: Collection[Form], settings: Settings
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
            found.append(_proof(usable, phase, form, untranslated, settings))
    findings = _findings(event, phase, found, settings)
    return [replace(one, findings=findings.get(one.form, ())) for one in found if one.form in only]


def _proof(event: Event, phase: str, form: Form, wrong: list[str], settings: Settings) -> Proof:
    shown: list[Rendered | None] = []
    for every_blank in (True, False):
        try:
            context = _context(event, phase, settings)
            shown.append(own_words.specimen(event, phase, form, context, every_blank=every_blank))
        except Invalid as error:
            shown.append(None)
            wrong = [*wrong, *(error.details or [error.message])]
    return Proof(form, shown[0], shown[1], list(dict.fromkeys(wrong)))


def _findings(event: Event, phase: str, found: Sequence[Proof], settings: Settings) -> dict[Form, list[Checked]]:
    """Return what the linter finds with the needed blanks only, which every message has."""
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


def _context(event: Event, phase: str, settings: Settings) -> Context:
    """A context whose times agree with the examples: written at noon of the day before the first of them, and ended
    after the last."""
    given = [blank.example for blank in event.blanks(phase) if blank.type in ("date", "datetime")]
    times = sorted(datetime.fromisoformat(one).replace(tzinfo=settings.tz) for one in given or [USUAL])
    now = times[0].replace(hour=12) - timedelta(days=1)
    return Context(
        city=settings.city,
        area=AREA,
        expires_at=times[-1] + LASTS,
        timezone=settings.tz,
        link=f"{settings.public_url}/alerts/1234",
        program=settings.program,
        help_contact=settings.help_contact,
        now=now,
    )

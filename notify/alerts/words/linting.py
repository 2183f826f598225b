"""The findings of the linter on an alert, and those that somebody has let stand.

An alert's words never change, so its findings are computed when they are read. An acknowledgement is a fact: who, when,
and the hash of the rule and the text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from notify.accounts import operators
from notify.alerts.approving import two_people
from notify.alerts.reporting import reports
from notify.audience.wordings import GENERAL
from notify.content import compose, filling, linter
from notify.content.events import Event
from notify.content.lint_finding import Words
from notify.content.linter import About, Message
from notify.core import audit, states
from notify.core.errors import Invalid, NotFound, Refused
from notify.core.settings import Settings
from notify.core.translation import gettext as _
from notify.core.translation import ngettext
from notify.core.vocabulary import word
from notify.models import Alert, LintAcknowledgement, Operator, StoredContent, StoredWording
from notify.models.base import Lane


@dataclass(frozen=True, slots=True)
class Checked:
    """A finding. `key` is its fingerprint in hexadecimal; the last two are None until it is acknowledged.

    `blank`: the field of the form that the words came out of, as `shelter` or `shelter.es`; None: not out of a blank.
    `wording`: of which of the alert's wordings; the same words in several count once.
    """

    key: str
    rule: str
    level: Literal["error", "warning"]
    channel: str
    language: str
    found: str
    wrong: str
    instead: str
    blank: str | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    wording: int = GENERAL

    @property
    def to_be_read(self) -> bool:
        """Whether it is an error that somebody who has read the words may let stand."""
        return self.level == "error" and self.rule in linter.TO_BE_READ

    @property
    def blocks(self) -> bool:
        """Whether it is an error that holds up the approval."""
        return self.level == "error" and not (self.to_be_read and self.acknowledged_at)

    @property
    def blocks_all(self) -> bool:
        """Whether it is an error that breaking glass does not override."""
        return self.blocks and (self.to_be_read or self.rule in linter.FALSE_OR_LOST)


def findings(s: Session, alert: Alert, settings: Settings) -> list[Checked]:
    """Return the findings on an alert's words, errors first."""
    known = {
        row.fingerprint.hex(): (row.email, row.at)
        for row in s.execute(
            select(LintAcknowledgement.fingerprint, Operator.email, LintAcknowledgement.at)
            .join(Operator, Operator.id == LintAcknowledgement.operator_id)
            .where(LintAcknowledgement.alert_id == alert.id)
        )
    }
    checked = []
    for one in _checked(_stored(s, [alert]), alert, settings):
        by, at = known.get(one.key, (None, None))
        checked.append(replace(one, acknowledged_by=by, acknowledged_at=at))
    return checked


def count(s: Session, alerts: Sequence[Alert], settings: Settings) -> dict[int, int]:
    """Return how many findings there are on the words of each alert, by its id."""
    stored = _stored(s, alerts)
    return {one.id: len(_checked(stored, one, settings)) for one in alerts}


def check(messages: Sequence[Message], about: About) -> list[Checked]:
    """Return the findings on any words, errors first."""
    texts = {(message.channel, message.language): message for message in messages}
    return [
        Checked(
            linter.fingerprint(one, texts[one.channel, one.language]).hex(),
            one.rule, one.level, one.channel, one.language, one.found, one.wrong, one.instead,
            one.blank,
        )
        for one in linter.lint(messages, about)
    ]  # fmt: skip


def require_no_errors(s: Session, alert: Alert, by: Operator, now: datetime, settings: Settings) -> None:
    """Raise Refused with every error in the alert's words. Warnings do not hold it up.

    An operator who breaks glass overrides most errors (`linter.FALSE_OR_LOST`), which is recorded.
    """
    errors = [one for one in findings(s, alert, settings) if one.blocks]
    if two_people.breaks_glass(s, alert, by):
        for one in errors:
            if not one.blocks_all:
                _record(s, alert.id, one, by, now)
        errors = [one for one in errors if one.blocks_all]
    if errors:
        raise Refused(
            _(
                "The words of alert %(alert)s have %(count)s.",
                alert=alert.id,
                count=ngettext("%(n)s error", "%(n)s errors", len(errors)),
            ),
            hint=(
                _("Write it again, then have it approved.")
                if not all(one.to_be_read for one in errors)
                else f"Read them, then confirm that you have: `tocsin alert acknowledge {alert.id}`."
            ),
            details=[f"{one.channel}, {one.language}: {one.wrong} {one.instead}" for one in errors],
        )


def acknowledge(s: Session, alert_id: int, key: str, by: Operator, now: datetime, settings: Settings) -> bool:
    """Record that somebody has read a warning, or a stale translation, and lets it stand; false if somebody had before.

    Raises NotFound, NotAllowed; Refused for another error, and for an alert that is no longer a draft.
    """
    alert = reports.find_alert(s, alert_id)
    operators.require(by, "draft collection" if alert.topic.value == "collection" else "draft")
    if alert.state not in states.BEFORE_LAUNCH:
        raise Refused(
            _(
                "Alert %(alert)s is %(state)s: its words cannot be changed any more.",
                alert=alert_id,
                state=word(alert.state),
            )
        )
    one = next((one for one in findings(s, alert, settings) if one.key == key), None)
    if one is None:
        raise NotFound(_("There is no such finding on this alert."), hint=_("Open the alert's page again."))
    if one.level == "error" and not one.to_be_read:
        raise Refused(
            _("This is an error: %(wrong)s", wrong=one.wrong),
            hint=_("%(instead)s Write the alert again.", instead=one.instead),
        )
    return _record(s, alert_id, one, by, now)


def overridden(s: Session, alert: Alert, settings: Settings) -> list[Checked]:
    """Return the errors that somebody overrode by breaking glass."""
    errors = [one for one in findings(s, alert, settings) if one.level == "error" and not one.to_be_read]
    return [one for one in errors if one.acknowledged_at]


def _record(s: Session, alert_id: int, one: Checked, by: Operator, now: datetime) -> bool:
    """Record that somebody lets a finding stand; false if somebody had before."""
    added = s.execute(
        insert(LintAcknowledgement)
        .values(
            alert_id=alert_id, fingerprint=bytes.fromhex(one.key), rule=one.rule, channel=one.channel,
            language=one.language, operator_id=by.id, at=now,
        )
        .on_conflict_do_nothing()
        .returning(LintAcknowledgement.id)
    ).first()  # fmt: skip
    if added is not None:
        audit.note(s, now=now, by=by, action="acknowledge", subject="alert", subject_id=alert_id, rule=one.rule)
    return added is not None


def about_words(
    settings: Settings, *, emergency: bool, status: Literal["Actual", "Exercise", "Test"], phase: str, area: Words
) -> About:
    """Return what is known of words that belong to no alert yet."""
    hosts = {urlsplit(settings.public_url).hostname or "", settings.mail_domain} - {""}
    return About(
        emergency=emergency,
        status=status,
        phase=phase,
        city=settings.city,
        area=area,
        program=settings.program,
        help_contact=settings.help_contact,
        hosts=frozenset(hosts),
    )


def from_template(about: About, event: Event, phase: str, values: Mapping[str, str], *, corrects: bool) -> About:
    """Add what is known of words that are filled into a template: its author can change what stands in blanks only."""
    opening = {language: common.correction for language, common in event.common.items()} if corrects else ""
    blanks = filling.typed(event, phase, values)
    return replace(about, from_template=True, fixed=True, blanks=blanks, opening=opening)


def require_messages(messages: Sequence[Message]) -> None:
    """Raise Invalid when two messages are for the same channel and language."""
    seen: set[tuple[str, str]] = set()
    for one in messages:
        if (one.channel, one.language) in seen:
            raise Invalid(
                _(
                    "There are two messages for %(channel)s in '%(language)s'.",
                    channel=one.channel,
                    language=one.language,
                ),
                hint=_("Give one of them."),
            )
        seen.add((one.channel, one.language))


class _Stored(NamedTuple):
    """The words of some alerts, and their wordings besides the general one."""

    words: Sequence[StoredContent]
    wordings: Sequence[StoredWording]


def _stored(s: Session, alerts: Sequence[Alert]) -> _Stored:
    these = [one.id for one in alerts]
    words = s.scalars(select(StoredContent).where(StoredContent.alert_id.in_(these))).all()
    of_parts = select(StoredWording).where(StoredWording.alert_id.in_(these)).order_by(StoredWording.wording)
    return _Stored(words, s.scalars(of_parts).all())


def _checked(stored: _Stored, alert: Alert, settings: Settings) -> list[Checked]:
    """Return the findings on all wordings of an alert, errors first. A wording is judged alone.

    Of a notice that Tocsin composed they are the errors alone: who learns to pass over warnings about words that nobody
    there can change passes over the others, too.
    """
    found = check(_messages(stored, alert, settings, GENERAL), _about(alert, settings))
    others = [one for one in stored.wordings if one.alert_id == alert.id]
    if others:
        by_key = {one.key: one for one in found}
        for other in others:
            messages = _messages(stored, alert, settings, other.wording)
            for one in check(messages, _about(alert, settings, other)):
                by_key.setdefault(one.key, replace(one, wording=other.wording))
        found = list(by_key.values())
    composed = two_people.is_composed_notice(alert) and not alert.two_people
    shown = [one for one in found if one.level == "error" or not composed]
    return sorted(shown, key=lambda one: one.level != "error")


def _messages(stored: _Stored, alert: Alert, settings: Settings, wording: int) -> list[Message]:
    """Return the messages of a wording, those in the city's first language first: the others are its translations."""
    order = {language: place for place, language in enumerate(settings.languages)}
    rows = [row for row in stored.words if row.alert_id == alert.id and row.wording == wording]
    rows = sorted(rows, key=lambda row: (alert.channels.index(row.channel), order.get(row.language, 99), row.language))
    return [Message(row.channel, row.language, row.subject, row.text, row.stale) for row in rows]


def _about(alert: Alert, settings: Settings, other: StoredWording | None = None) -> About:
    """Return what is known of an alert's words: the general ones, or those of an `other` wording."""
    area = (other.area.get("") or other.area) if other else None
    known = about_words(
        settings,
        emergency=alert.lane is Lane.EMERGENCY,
        status=alert.status,
        phase=alert.phase,
        area=area or alert.area_names or alert.area_description,
    )
    blanks = {**alert.blanks, **other.blanks} if other else alert.blanks
    try:
        event = compose.catalogue().event(alert.event)
        return from_template(known, event, alert.phase, blanks, corrects=alert.corrects)
    except NotFound:  # the event, or its phase, has left the catalogue since
        return replace(known, from_template=True)

"""YES, NO or an address, in answer to a question that was sent (`subscribers.questions`)."""

from collections.abc import Callable, Mapping

from notify.inbound import join_by_text
from notify.inbound.commands import is_somebody_else
from notify.inbound.heard import BY_TEXT, NOT_ME, Heard, Outcome
from notify.models import Consent
from notify.subscribers import address_checks, consent, proving, questions, reassigned, record


def answer(heard: Heard) -> Outcome | None:
    """Act on the answer. Other words are asked again once; then they are None, as unknown words are."""
    said = heard.command.name if heard.command is not None else ""
    if is_somebody_else(heard.text):
        consent.opt_out(heard.s, heard.channel, heard.address, how=NOT_ME, now=heard.now)
        reassigned.disown(heard.s, heard.channel, heard.index, heard.now, how=NOT_ME)
        return Outcome("confirm_no", heard.talk.over())
    given = QUESTIONS[heard.talk.asked](heard, said)
    if given is not None or heard.meaning not in ("other", "start") or heard.talk.ends_at is None:
        return given
    if heard.talk.kept.get("again"):
        return None
    again = heard.talk.asking(heard.talk.asked, heard.talk.ends_at, **{**heard.talk.kept, "again": True})
    return Outcome(f"again_{heard.talk.asked.replace('-', '_')}", again)


def _confirm(heard: Heard, said: str) -> Outcome | None:
    """YES verifies the contact; NO opts it out. Who answers sees no places until they name one of them
    (`proving`)."""
    over, contact = heard.talk.over(), heard.contact
    if said == "no":
        consent.opt_out(heard.s, heard.channel, heard.address, how=f"NO by {BY_TEXT}", now=heard.now)
        return Outcome("confirm_no", over)
    if said != "yes" or contact is None:
        return None
    about = heard.talk.kept
    proving.verify(heard.s, contact, heard.now)
    how = f"YES by {BY_TEXT}: {about.get('how', '')}".removesuffix(": ")
    consents = Consent(contact_id=contact.id, kind="opt-in", at=heard.now, how=how, words=str(about.get("words", "")))
    heard.s.add(consents)
    heard.s.flush()
    gap = record.gap(heard.s, heard.channel, heard.index, heard.now)
    if gap in ("all-left", "some-left") and (until := heard.muted_until()):
        return Outcome("start_muted", over, {"date": until})
    return Outcome(f"start_{gap.replace('-', '_')}" if gap else "confirm_yes", over)


def _still_there(heard: Heard, said: str) -> Outcome | None:
    """YES changes nothing, NO asks for the new address, and an address takes the place of the old one."""
    if said == "yes":
        address_checks.note_answer(heard.s, int(heard.talk.kept.get("check_id", 0)), "same", heard.now)
        return Outcome("still_yes", heard.talk.over())
    if said == "no":
        return join_by_text.ask_new_address(heard)
    return join_by_text.new_address(heard)


QUESTIONS: Mapping[str, Callable[[Heard, str], Outcome | None]] = {
    questions.CONFIRM: _confirm,
    questions.STILL_THERE: _still_there,
}

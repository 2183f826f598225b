"""Texts from residents to our numbers: each is stored once, acted on at once and answered once."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.accounts import tries
from notify.channels import registry
from notify.channels.channel import CHANNELS
from notify.channels.contract import Inbound
from notify.core import keyring
from notify.core.settings import settings
from notify.core.translation import spoken
from notify.delivery import carrier_blocks
from notify.inbound import conversation, cries, still_out
from notify.inbound.commands import Command, is_courtesy, is_somebody_else, read_command, without_signature
from notify.inbound.heard import BY_TEXT, NOT_ME, Heard, Outcome, muted_until
from notify.inbound.intent import Meaning, is_spanish, may_ask_for_stop, read_meaning
from notify.inbound.replies import worded
from notify.subscribers import addresses, consent, conversations, reassigned, record
from notify.subscribers.conversations import Talk

Kept = Meaning | Literal["command"]
ASKED_TWICE = timedelta(days=1)
# Commands whose words may read as a STOP: STOP SNOW, MUTE, STOP REMINDERS, "no phone service"; but not TEXT OFF.
NOT_STOP = frozenset({"stop_topics", "mute", "unmute", "remind_off", *still_out.COMMANDS} - {"still_out"})
# The most replies to one phone within a time: two machines could answer each other for ever. A resident in danger who
# writes again is answered again.
MOST_ANSWERS: Mapping[Kept, tuple[int, timedelta]] = {
    "other": (1, timedelta(days=1)),
    "doubt": (3, timedelta(days=1)),
    "distress": (6, timedelta(hours=1)),
    "start": (6, timedelta(hours=1)),
    "help": (1, timedelta(minutes=1)),
    "command": (30, timedelta(days=1)),
}
# Meanings whose replies to numbers that are not signed up have a budget, as answers to commands have. A possible cry
# for help and HELP are answered in any case.
BUDGETED = frozenset({"other", "start"})


@dataclass(frozen=True, slots=True)
class Reply:
    """`text` is the reply, in one message; None: no reply. `sender_address`: the number to reply from if the
    one that the resident wrote to is blocked; "": reply from that one."""

    meaning: Kept
    text: str | None
    sender_address: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """`known`: the number is signed up."""

    outcome: Outcome
    language: str
    known: bool


def receive(s: Session, provider: str, inbound: Inbound, now: datetime) -> Reply:
    """Act on a resident's text, and return the reply.

    A webhook that comes twice changes nothing and gets the same answer. At most one confirmation follows an opt-out
    (47 CFR 64.1200(a)(12)): none when the provider has sent it, none when the number had opted out before. No more
    answers are given than `MOST_ANSWERS`. A message without a reference is a new one.
    """
    keyring.hold(s)
    channel = registry.PROVIDERS[provider].channel
    index = addresses.any_index(channel, inbound.address)
    one_at_a_time = "SELECT pg_advisory_xact_lock(hashtextextended(encode(:index, 'hex'), 0))"
    s.execute(text(one_at_a_time), {"index": index})  # what comes at once from one number is read in turn
    reference = inbound.reference or f"none:{uuid.uuid4()}"
    stored = s.execute(
        text("SELECT meaning, answered FROM inbound WHERE (provider, reference) = (:provider, :reference)"),
        {"provider": provider, "reference": reference},
    ).first()
    talk = conversations.read(s, channel, index, now)
    if stored is not None and stored.meaning == "command":
        last = talk.last if talk.last.get("reference") == reference else {}
        return Reply("command", last.get("text"), last.get("sender", ""))
    meaning = _meaning(inbound)
    command = read_command(inbound.text)
    is_report = command is not None and command.name in still_out.COMMANDS  # OFF, which we ask for, is never a STOP
    if meaning == "doubt" and not is_report and may_ask_for_stop(inbound.text) and _was_in_doubt(s, index, now):
        meaning = "stop"
    may = carrier_blocks.senders(s, channel, index)
    if stored is None:
        consent.note_alive(s, channel, index, how=BY_TEXT, now=now)
        said = _respond(s, channel, index, inbound, meaning, command, talk, may, now)
        if said is not None:
            return _said(s, provider, channel, index, reference, inbound, said, now)
        if meaning == "stop" and talk.asked:
            conversations.keep(s, channel, index, talk.over(), now)
        silent = meaning == "other" and is_courtesy(inbound.text)
        answered = _keep(s, provider, reference, index, meaning, now, silent=silent)
        if answered and meaning in BUDGETED and addresses.contact(s, channel, index) is None:
            answered = _is_within_budget(s, channel, inbound, now) or _keep_silent(s, provider, reference)
        _obey(s, provider, channel, meaning, inbound, index, now)
        if meaning == "stop" and is_somebody_else(inbound.text):
            reassigned.disown(s, channel, index, now, how=NOT_ME)
        if meaning == "distress":
            cries.sound(s, provider, inbound, index, now)
        may = carrier_blocks.senders(s, channel, index)
    else:
        answered = stored.answered
    answer = _answer_to_start(s, channel, index, may, now) if meaning == "start" else meaning
    repeated_stop = meaning == "stop" and not _opted_out_by(s, provider, channel, reference, index)
    if not answered or repeated_stop or _is_answered(provider, inbound, answer):
        return Reply(meaning, None)
    language = _language(s, channel, index, inbound, talk)
    until = muted_until(s, channel, index, now, language) if answer in ("start_all_left", "start_some_left") else ""
    words = worded(language, "start_muted" if until else answer, number=may.number_to_start(inbound), date=until)
    return Reply(meaning, words, may.number_to_answer(inbound))


def _respond(
    s: Session,
    channel: str,
    index: bytes,
    inbound: Inbound,
    meaning: Meaning,
    command: Command | None,
    talk: Talk,
    may: carrier_blocks.Senders,
    now: datetime,
) -> "Said | None":
    """Return what a command or an answer has led to. A cry for help, STOP and HELP are neither, whatever we asked; but
    "our power is still out" is no cry where we know of the outage."""
    is_report = command is not None and command.name in still_out.COMMANDS
    if meaning == "help" or (meaning == "distress" and not is_report) or inbound.opt_out_type.upper() == "STOP":
        return None
    if meaning == "stop" and (command is None or command.name not in NOT_STOP):
        return None
    try:
        address = CHANNELS[channel].address.kept(inbound.address)
    except ValueError:
        return None  # a short code
    heard = Heard(
        s=s, channel=channel, address=address, index=index, text=inbound.text, meaning=meaning, command=command,
        talk=talk, may=may, language=_language(s, channel, index, inbound, talk, command), now=now,
    )  # fmt: skip
    outcome = still_out.known(heard) if meaning == "distress" else conversation.respond(heard)
    return None if outcome is None else Said(outcome, outcome.language or heard.language, heard.contact is not None)


def _said(
    s: Session,
    provider: str,
    channel: str,
    index: bytes,
    reference: str,
    inbound: Inbound,
    said: "Said",
    now: datetime,
) -> Reply:
    """Keep what was asked and answered, and return the reply."""
    if _is_known(provider, inbound) and _meaning(inbound) == "start":  # YES: the provider has lifted its block
        carrier_blocks.lift(s, provider, inbound, index, now)
    may = carrier_blocks.senders(s, channel, index)
    answered = _keep(s, provider, reference, index, "command", now)
    answered = answered and (said.known or _is_within_budget(s, channel, inbound, now))
    number = may.number_to_start(inbound)
    words = worded(said.language, said.outcome.key, number=number, **said.outcome.values) if answered else None
    sender = may.number_to_answer(inbound)
    last = {"reference": reference, "text": words, "sender": sender} if words is not None else {}
    conversations.keep(s, channel, index, replace(said.outcome.talk, last=last), now)
    return Reply("command", words, sender)


def _keep(
    s: Session, provider: str, reference: str, index: bytes, meaning: Kept, now: datetime, *, silent: bool = False
) -> bool:
    """Store a message, and return whether to answer it. `silent`: no."""
    most, within = (0, timedelta(0)) if silent else MOST_ANSWERS.get(meaning, (1, timedelta(0)))
    answered: bool = s.execute(
        text("""INSERT INTO inbound (provider, reference, address_index, meaning, received_at, answered)
                SELECT :provider, :reference, :index, :meaning, :now, :most > (
                       SELECT count(*) FROM inbound WHERE address_index = :index AND meaning = :meaning AND answered
                          AND received_at > CAST(:since AS timestamptz))
                ON CONFLICT (provider, reference) DO UPDATE SET reference = excluded.reference
                RETURNING answered"""),
        {"provider": provider, "reference": reference, "index": index, "meaning": meaning, "now": now}
        | {"most": most, "since": now - within},
    ).scalar_one()
    return answered


def _keep_silent(s: Session, provider: str, reference: str) -> bool:
    """Note that a stored message is not answered, also when it comes again. Returns False."""
    values = {"provider": provider, "reference": reference}
    s.execute(text("UPDATE inbound SET answered = false WHERE (provider, reference) = (:provider, :reference)"), values)
    return False


def _obey(
    s: Session, provider: str, channel: str, meaning: Meaning, inbound: Inbound, index: bytes, now: datetime
) -> None:
    known = _is_known(provider, inbound)
    if meaning == "stop":
        evidence = f"{provider} {inbound.reference}".strip()
        consent.opt_out(s, channel, inbound.address, how=BY_TEXT, now=now, evidence=evidence)
        heard = carrier_blocks.block if known else carrier_blocks.mark_doubtful
        heard(s, provider, inbound, index, now)
    elif meaning == "start":
        if known:
            carrier_blocks.lift(s, provider, inbound, index, now)
        consent.opt_back_in(s, channel, inbound.address, how=BY_TEXT, now=now)


def _meaning(inbound: Inbound) -> Meaning:
    """Return the meaning that the provider acted on, if it did; else read the text."""
    understood: dict[str, Meaning] = {"STOP": "stop", "START": "start", "HELP": "help"}
    meaning = understood.get(inbound.opt_out_type.upper()) or read_meaning(inbound.text)
    if meaning == "doubt" and read_meaning(without_signature(inbound.text)) == "stop":
        return "stop"
    return meaning


def _was_in_doubt(s: Session, index: bytes, now: datetime) -> bool:
    """Return whether an earlier text of this number was in doubt, so that it has been told how to stop: who asks again
    in other words than STOP means it (47 CFR 64.1200(a)(10))."""
    found: bool = s.execute(
        text("""SELECT EXISTS (SELECT FROM inbound WHERE address_index = :index AND meaning = 'doubt'
                                  AND received_at > CAST(:since AS timestamptz))"""),
        {"index": index, "since": now - ASKED_TWICE},
    ).scalar_one()
    return found


def _is_known(provider: str, inbound: Inbound) -> bool:
    """Return whether the provider knows the keyword, acts on it and answers."""
    word = inbound.text.strip().lower()
    return bool(inbound.opt_out_type) or word in registry.PROVIDERS[provider].answers


def _is_answered(provider: str, inbound: Inbound, answer: str) -> bool:
    """Return whether the provider has already given this answer, and it is true.

    Twilio answers START only if it held a block, which the webhook does not report without Advanced Opt-Out; and its
    "re-subscribed" is true only if nothing else blocks messages. Two answers do less harm than none or a false one.
    """
    if answer.startswith("start"):
        return answer == "start" and bool(inbound.opt_out_type)
    return _is_known(provider, inbound)


def _answer_to_start(s: Session, channel: str, index: bytes, may: carrier_blocks.Senders, now: datetime) -> str:
    """Return the key of a reply to START that promises nothing untrue."""
    gap = record.gap(s, channel, index, now)
    if gap is None:
        return "start_stranger"
    if not may.reach:
        return "start_blocked"
    return f"start_{gap.replace('-', '_')}" if gap else "start"


def _opted_out_by(s: Session, provider: str, channel: str, reference: str, index: bytes) -> bool:
    """Return whether this message is the one that opted the number out."""
    found: bool = s.execute(
        text("""SELECT EXISTS (
                    SELECT FROM inbound i
                      JOIN suppressions x ON (x.address_index, x.at) = (i.address_index, i.received_at)
                     WHERE (i.provider, i.reference) = (:provider, :reference) AND i.address_index = :index
                       AND x.channel = :channel AND x.topic IS NULL AND x.reason = 'opt-out')"""),
        {"provider": provider, "reference": reference, "index": index, "channel": channel},
    ).scalar_one()
    return found


def _is_within_budget(s: Session, channel: str, inbound: Inbound, now: datetime) -> bool:
    """Count a reply to a number that is not signed up, as a code to one is: somebody may earn by each text.

    In the order of `code_limits`, or the two could wait for each other.
    """
    of_number = [key for key in tries.of_joiner(channel, inbound.address, "") if key[0] in ("join-range", "join-dear")]
    try:
        tries.count(s, of_number, now)
        tries.count(s, [key for key in tries.of_city(channel, now) if key[0] == "join-day"], now)
    except tries.TooManyTries:
        return False
    return True


def _language(
    s: Session, channel: str, index: bytes, inbound: Inbound, talk: Talk, command: Command | None = None
) -> str:
    """Return the language of the resident, if there are words in it; for a stranger, the one that they chose, or of the
    text."""
    resident: str | None = s.execute(
        text("""SELECT r.language FROM contacts c JOIN subscribers r ON r.id = c.subscriber_id
                 WHERE c.channel = :channel AND c.address_index = :index AND c.address_sealed IS NOT NULL"""),
        {"channel": channel, "index": index},
    ).scalar_one_or_none()
    spanish = is_spanish(inbound.text) or (command is not None and command.is_spanish)
    return spoken(talk.language or resident or ("es" if spanish else settings().languages[0]))

"""Texts from residents to our numbers: each is stored once, acted on at once and answered once."""

import tomllib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels import registry
from notify.channels.contract import Inbound
from notify.content.links import fill_in
from notify.core import alarms, keyring
from notify.core.characters import ascii_punctuation
from notify.core.settings import settings
from notify.delivery import carrier_blocks
from notify.inbound.intent import Meaning, is_spanish, read_meaning
from notify.subscribers import addresses, consent, record
from templates import REPLIES

BY_TEXT = "text message"
# The most replies to one phone within a time: two machines could answer each other for ever. A resident in danger who
# writes again is answered again.
MOST_ANSWERS: Mapping[Meaning, tuple[int, timedelta]] = {
    "other": (1, timedelta(days=1)),
    "doubt": (1, timedelta(days=1)),
    "distress": (6, timedelta(hours=1)),
    "start": (6, timedelta(hours=1)),
    "help": (1, timedelta(minutes=1)),
}
CRY = "A text to us may be a cry for help. It was answered with 911. Read it at {provider}: {reference}."


@dataclass(frozen=True, slots=True)
class Reply:
    """`text` is the reply, in one message; None: no reply. `sender_address`: the number to reply from if the
    one that the resident wrote to is blocked; "": reply from that one."""

    meaning: Meaning
    text: str | None
    sender_address: str = ""


def receive(s: Session, provider: str, inbound: Inbound, now: datetime) -> Reply:
    """Act on a resident's text, and return the reply.

    A webhook that comes twice changes nothing and gets the same answer. At most one confirmation follows an opt-out
    (47 CFR 64.1200(a)(12)): none when the provider has sent it, none when the number had opted out before. No more
    answers are given than `MOST_ANSWERS`. A message without a reference is a new one.
    """
    meaning = _meaning(inbound)
    keyring.hold(s)
    channel = registry.PROVIDERS[provider].channel
    index = addresses.any_index(channel, inbound.address)
    reference = inbound.reference or f"none:{uuid.uuid4()}"
    seen = s.execute(
        text("SELECT answered FROM inbound WHERE (provider, reference) = (:provider, :reference)"),
        {"provider": provider, "reference": reference},
    ).scalar_one_or_none()
    if seen is None:
        seen = _keep(s, provider, reference, index, meaning, now)
        _obey(s, provider, channel, meaning, inbound, index, now)
        if meaning == "distress":
            cry = CRY.format(provider=provider, reference=inbound.reference or f"a text of {now:%Y-%m-%d %H:%M} UTC")
            alarms.sound(s, alarms.CRY_FOR_HELP, cry, now, about=f"phone {index.hex()}")
    may = carrier_blocks.senders(s, channel, index)
    answer = _answer_to_start(s, channel, index, may, now) if meaning == "start" else meaning
    repeated_stop = meaning == "stop" and not _opted_out_by(s, provider, channel, reference, index)
    if not seen or repeated_stop or _is_answered(provider, inbound, answer):
        return Reply(meaning, None)
    return Reply(meaning, _words(s, answer, channel, index, inbound, may), may.number_to_answer(inbound))


def _keep(s: Session, provider: str, reference: str, index: bytes, meaning: Meaning, now: datetime) -> bool:
    """Store a message, and return whether to answer it."""
    most, within = MOST_ANSWERS.get(meaning, (1, timedelta(0)))
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


def _obey(
    s: Session, provider: str, channel: str, meaning: Meaning, inbound: Inbound, index: bytes, now: datetime
) -> None:
    consent.note_alive(s, channel, index, how=BY_TEXT, now=now)
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
    return understood.get(inbound.opt_out_type.upper()) or read_meaning(inbound.text)


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


def _words(s: Session, answer: str, channel: str, index: bytes, inbound: Inbound, may: carrier_blocks.Senders) -> str:
    """Return the reply in the resident's language; for a stranger, in the language of the text."""
    resident = s.execute(
        text("""SELECT r.language FROM contacts c JOIN subscribers r ON r.id = c.subscriber_id
                 WHERE c.channel = :channel AND c.address_index = :index AND c.address_sealed IS NOT NULL"""),
        {"channel": channel, "index": index},
    ).scalar_one_or_none()
    chosen = settings()
    words = catalogue()
    language = resident or ("es" if is_spanish(inbound.text) else chosen.languages[0])
    answers = words.get(language) or words[chosen.languages[0]]
    values = {"program": chosen.program, "contact": chosen.help_contact, "url": chosen.public_url}
    return ascii_punctuation(fill_in(answers[answer], **values, number=may.number_to_start(inbound)))


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Return the replies by language and key."""
    return {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in sorted(REPLIES.glob("*.toml"))}

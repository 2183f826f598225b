"""Replies from phones: Twilio's opt-out keywords and the inbound webhook."""

import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from urllib.parse import urlencode

from notify.simulators.courier import Reply
from notify.simulators.segments import segments
from notify.simulators.texts import Direction, Phone, Text
from notify.simulators.twilio_progress import callback_headers
from notify.simulators.world import World

# Only a message of exactly one word counts, in any case: https://help.twilio.com/articles/223134027
STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"}
START = {"START", "YES", "UNSTOP"}
TOLL_FREE = tuple(f"+1{code}" for code in (800, 833, 844, 855, 866, 877, 888))  # YES is not a keyword for these
HELP = {"HELP", "INFO"}
ANSWERS = {
    "STOP": "You have successfully been unsubscribed. You will not receive any more messages from this number. "
    "Reply START to resubscribe.",
    "START": "You have successfully been re-subscribed to messages from this number. Reply HELP for help. "
    "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
    "HELP": "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}


@dataclass(frozen=True, slots=True)
class Answered:
    """The result of a reply."""

    sid: str
    webhook_status: int  # 0: no webhook is set, or it did not answer
    problem: str  # a sentence; "" if there was none
    replies: list[str]  # the messages sent back to the phone, by Twilio or by us


async def reply(world: World, number: str, words: str, line: str = "") -> Answered:
    """Send `words` from the phone to `line`, by default to its last correspondent. Raises ValueError without one."""
    to, line = _addressee(world.phones.find_phone(number), line)
    phone = world.phones.phone(number)
    phone.problem = ""
    text = _keep(world, phone, line, to, words, "inbound")
    keyword = _keyword(words, line)
    spoken = _answer_keyword(world, phone, keyword, line, to)
    url = world.config.twilio_inbound_url
    if not url:
        return Answered(text.sid, 0, "No inbound webhook is set.", spoken)
    fields = _fields(world, text, keyword, line)
    answer = await world.courier.ask(url, urlencode(fields).encode(), callback_headers(world, url, fields))
    if not 200 <= answer.status < 300:
        problem = (
            f"The webhook answered {answer.status}." if answer.status else f"Nothing answers there ({answer.text})."
        )
        return Answered(text.sid, answer.status, problem, spoken)
    try:
        said = _twiml(answer)
    except ET.ParseError:
        return Answered(text.sid, answer.status, "The webhook's answer is not TwiML (Twilio error 12100).", spoken)
    for body, other in said:
        if (other or line) not in phone.blocked:  # otherwise Twilio drops it, as error 21610
            _keep(world, phone, other or line, other or to, body, "outbound-reply")
            spoken.append(body)
    return Answered(text.sid, answer.status, "", spoken)


def _addressee(phone: Phone | None, line: str) -> tuple[str, str]:
    """Return the number to write to, and the line that an opt-out blocks."""
    if line:
        return line, line
    last = phone.correspondent() if phone is not None else None
    if last is None:
        raise ValueError("The phone has no messages yet. Give the number to write to as `to`.")
    return last.sender, last.line


def _keyword(words: str, line: str) -> str:
    word = words.strip().upper()
    if word == "YES" and line.startswith(TOLL_FREE):
        return ""
    return next((name for name, known in (("STOP", STOP), ("START", START), ("HELP", HELP)) if word in known), "")


def _answer_keyword(world: World, phone: Phone, keyword: str, line: str, to: str) -> list[str]:
    """Answer a keyword as Twilio does, before the webhook. A second STOP, or a START without one, gets no answer."""
    changes = {"STOP": line not in phone.blocked, "START": line in phone.blocked, "HELP": True}
    if not changes.get(keyword):
        return []
    if keyword == "STOP":
        phone.blocked.add(line)
    elif keyword == "START":
        phone.blocked.discard(line)
    _keep(world, phone, line, to, ANSWERS[keyword], "outbound-reply")
    return [ANSWERS[keyword]]


def _keep(world: World, phone: Phone, line: str, ours: str, body: str, direction: Direction) -> Text:
    inbound = direction == "inbound"
    now = time.time()
    text = Text(
        order=world.next_order(),
        to=ours if inbound else phone.number,
        sender=phone.number if inbound else ours,
        body=body,
        segments=segments(body),
        direction=direction,
        status="received" if inbound else "delivered",
        created=now,
        service=line if line.startswith("MG") else "",
        sent=now,
        updated=now,
    )
    world.phones.keep(text)
    return text


def _fields(world: World, text: Text, keyword: str, line: str) -> dict[str, str]:
    fields = {
        "AccountSid": world.config.twilio_account_sid,
        "ApiVersion": "2010-04-01",
        "Body": text.body,
        "From": text.sender,
        "FromCity": "",
        "FromCountry": "US",
        "FromState": "",
        "FromZip": "",
        "MessageSid": text.sid,
        "NumMedia": "0",
        "NumSegments": str(text.segments),
        "SmsMessageSid": text.sid,
        "SmsSid": text.sid,
        "SmsStatus": "received",
        "To": text.to,
        "ToCity": "",
        "ToCountry": "US",
        "ToState": "",
        "ToZip": "",
    }
    if line.startswith("MG"):
        fields["MessagingServiceSid"] = line
    if keyword and world.behaviour.twilio.advanced_opt_out:
        fields["OptOutType"] = keyword
    return fields


def _twiml(answer: Reply) -> list[tuple[str, str]]:
    """Return the text and the `from` number, or "", of each <Message> in <Response>. Raises ParseError."""
    if not answer.text.strip():
        return []
    # The webhook belongs to the person who started the simulator, and expat limits the expansion of entities.
    root = ET.fromstring(answer.text)  # noqa: S314
    return [
        (words, message.get("from", ""))
        for message in root.iter("Message")
        if (words := "".join(message.itertext()).strip())
    ]

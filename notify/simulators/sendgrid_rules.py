"""The validation rules of SendGrid's Mail Send.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors
"""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message"
ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")
MOST_RECIPIENTS = 1000
MOST_ARGUMENT_BYTES = 10_000
MOST_CATEGORIES = 10
FARTHEST_S = 72 * 3600
# fmt: off
TOP_LEVEL = {
    "personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "attachments", "template_id",
    "headers", "categories", "custom_args", "send_at", "batch_id", "asm", "ip_pool_name", "mail_settings",
    "tracking_settings",
}
RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
    "subject", "reply-to", "cc", "bcc",
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Mistake:
    message: str
    field: str | None
    topic: str = ""  # of the help page

    def as_json(self) -> dict[str, str | None]:
        return {
            "message": self.message,
            "field": self.field,
            "help": f"{HELP}.{self.topic}" if self.topic else None,
        }


def mistakes(mail: Any) -> list[Mistake]:
    if not isinstance(mail, dict):
        return [Mistake("Bad Request", None)]
    if unknown := sorted(set(mail) - TOP_LEVEL):
        return [Mistake(f"Additional property {name} is not allowed", name) for name in unknown]
    return [*_people(mail), *_sender(mail), *_words(mail), *_limits(mail)]


def _people(mail: dict[str, Any]) -> Iterator[Mistake]:
    people = mail.get("personalizations")
    if not isinstance(people, list) or not people:
        words = "The personalizations field is required and must have at least one personalization."
        yield Mistake(words, "personalizations", "personalizations")
        return
    if sum(len(_addresses(person)) for person in people) > MOST_RECIPIENTS or len(people) > MOST_RECIPIENTS:
        words = f"The number of recipients in all personalizations must not exceed {MOST_RECIPIENTS}."
        yield Mistake(words, "personalizations", "personalizations")
        return
    for index, person in enumerate(people):
        yield from _person(person, f"personalizations.{index}")


def _addresses(person: Any) -> list[Any]:
    if not isinstance(person, dict):
        return []
    return [one for kind in ("to", "cc", "bcc") for one in person.get(kind) or [] if isinstance(one, dict)]


def _person(person: Any, where: str) -> Iterator[Mistake]:
    if not isinstance(person, dict) or not isinstance(person.get("to"), list) or not person["to"]:
        words = (
            "The to array is required for all personalization objects, and must have at least one email object "
            "with a valid email address."
        )
        yield Mistake(words, f"{where}.to", "personalizations.to")
        return
    seen: set[str] = set()
    for kind in ("to", "cc", "bcc"):
        for number, one in enumerate(person.get(kind) or []):
            address = one.get("email") if isinstance(one, dict) else None
            if not isinstance(address, str) or not _is_address(address):
                yield Mistake("Does not contain a valid address.", f"{where}.{kind}.{number}.email", "personalizations")
            elif address.lower() in seen:
                words = (
                    "Each email address in the personalization block should be unique between to, cc, and bcc. "
                    f"We found the first duplicate instance of [{address}] in the {where}.{kind} field."
                )
                yield Mistake(words, where, "recipient-errors")
            else:
                seen.add(address.lower())
    yield from _headers(person.get("headers"), f"{where}.headers")
    tags = person.get("substitutions") or {}
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        words = "The substitutions must be an object of strings."
        yield Mistake(words, f"{where}.substitutions", "personalizations.substitutions")


def _headers(headers: Any, where: str) -> Iterator[Mistake]:
    if headers is None:
        return
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        yield Mistake("The headers must be an object of strings.", where, "headers")
        return
    for name in headers:
        if name.lower() in RESERVED:
            words = f"The header {name} is reserved and cannot be set."
            yield Mistake(words, f"{where}.{name}", "headers")


def _is_address(address: Any) -> bool:
    return isinstance(address, str) and len(address) <= 320 and ADDRESS.fullmatch(address) is not None


def _sender(mail: dict[str, Any]) -> Iterator[Mistake]:
    sender = mail.get("from")
    if not isinstance(sender, dict) or not sender.get("email"):
        words = (
            "The from object must be provided for every email send. It is an object that requires the email "
            "parameter, but may also contain a name parameter."
        )
        yield Mistake(words, "from.email", "from")
    elif not _is_address(sender["email"]):
        yield Mistake("The from email does not contain a valid address.", "from.email", "from")


def _words(mail: dict[str, Any]) -> Iterator[Mistake]:
    if mail.get("template_id"):
        return
    people = mail.get("personalizations") or []
    everywhere = bool(people) and all(isinstance(person, dict) and person.get("subject") for person in people)
    if not mail.get("subject") and not everywhere:
        words = (
            "The subject is required. You can get around this requirement if you use a template with a subject "
            "defined or if every personalization has a subject defined."
        )
        yield Mistake(words, "subject", "subject")
    parts = mail.get("content")
    if not isinstance(parts, list) or not parts:
        words = (
            "Unless a valid template_id is provided, the content parameter is required. There must be at least one "
            "defined content block."
        )
        yield Mistake(words, "content", "content")
        return
    for number, part in enumerate(parts):
        for name in ("type", "value"):
            given = part.get(name) if isinstance(part, dict) else None
            if not isinstance(given, str) or not given:
                words = f"The content {name} must be a string at least one character in length."
                yield Mistake(words, f"content.{number}.{name}", f"content.{name}")
    kinds = [str(part.get("type")).split(";")[0] for part in parts if isinstance(part, dict)]
    ranks = [{"text/plain": 0, "text/html": 1}.get(kind, 2) for kind in kinds]
    if ranks != sorted(ranks):
        words = "If present, text/plain must be the first content, followed by text/html, followed by anything else."
        yield Mistake(words, "content.0.type", "content.type")


def _limits(mail: dict[str, Any]) -> Iterator[Mistake]:
    yield from _headers(mail.get("headers"), "headers")
    categories = mail.get("categories") or []
    if len(categories) > MOST_CATEGORIES or len(set(map(str, categories))) < len(categories):
        words = f"The categories must be unique, and no more than {MOST_CATEGORIES}."
        yield Mistake(words, "categories", "categories")
    shared = mail.get("custom_args") or {}
    for index, person in enumerate(mail.get("personalizations") or []):
        own = (person.get("custom_args") or {}) if isinstance(person, dict) else {}
        together = {**shared, **own} if isinstance(shared, dict) and isinstance(own, dict) else None
        if together is None or (together and len(json.dumps(together).encode()) >= MOST_ARGUMENT_BYTES):
            words = f"The custom arguments must be an object of less than {MOST_ARGUMENT_BYTES} bytes."
            yield Mistake(words, f"personalizations.{index}.custom_args", "custom_args")
            return
    send_at = mail.get("send_at")
    if send_at is not None and (not isinstance(send_at, int) or send_at > time.time() + FARTHEST_S):
        yield Mistake("The send_at must be a unix time no more than 72 hours ahead.", "send_at", "send_at")

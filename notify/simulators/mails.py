"""Mails as residents see them, and their inboxes."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from notify.simulators.arrivals import Arrival

SUPPRESSING = {"bounce": "Bounced Address", "spamreport": "Spam Reporting Address"}


@dataclass(slots=True)
class Mail:
    """The mail to one recipient of a request. Its texts are filled in when they are read, not for each recipient."""

    order: int
    to: str
    index: int  # of its personalization
    request: dict[str, Any]  # shared by all mails of the request
    arrival: Arrival
    message_id: str  # the X-Message-Id of the request
    status: str = "processed"
    marks: list[str] = field(default_factory=list)  # what the resident did: unsubscribe, spamreport

    @property
    def personalization(self) -> dict[str, Any]:
        chosen: dict[str, Any] = self.request["personalizations"][self.index]
        return chosen

    @property
    def created(self) -> float:
        return self.arrival.at

    @property
    def sender(self) -> str:
        given = self.personalization.get("from") or self.request["from"]
        return f"{given['name']} <{given['email']}>" if given.get("name") else str(given["email"])

    @property
    def subject(self) -> str:
        return self._filled(self.personalization.get("subject") or self.request.get("subject", ""))

    @property
    def text(self) -> str:
        return self._content("text/plain")

    @property
    def html(self) -> str:
        return self._content("text/html")

    @property
    def headers(self) -> dict[str, str]:
        """The custom headers. Those of the personalization replace those of the message."""
        given = self.personalization.get("headers") or self.request.get("headers") or {}
        return {name: self._filled(str(value)) for name, value in given.items()}

    @property
    def custom_args(self) -> dict[str, str]:
        given = (self.request.get("custom_args") or {}) | (self.personalization.get("custom_args") or {})
        return {name: str(value) for name, value in given.items()}

    @property
    def raw(self) -> dict[str, Any]:
        """The request's JSON with only this recipient's personalization."""
        return {**self.request, "personalizations": [self.personalization]}

    def header(self, name: str) -> str:
        return next((value for known, value in self.headers.items() if known.lower() == name.lower()), "")

    def one_click_url(self) -> str:
        """Return the URL in List-Unsubscribe if the mail offers one-click unsubscribe (RFC 8058), else ""."""
        if self.header("List-Unsubscribe-Post").strip() != "List-Unsubscribe=One-Click":
            return ""
        offered = (part.strip().strip("<>") for part in self.header("List-Unsubscribe").split(","))
        return next((url for url in offered if url.startswith(("http://", "https://"))), "")

    def envelope(self) -> list[tuple[str, str]]:
        """Return all headers as a mail program lists them."""
        date = format_datetime(datetime.fromtimestamp(int(self.created), UTC))
        ours = {"From": self.sender, "To": self.to, "Subject": self.subject, "Date": date}
        return [*ours.items(), *self.headers.items()]

    def _content(self, kind: str) -> str:
        parts = self.request.get("content") or []
        return self._filled(next((part["value"] for part in parts if part["type"].split(";")[0] == kind), ""))

    def _filled(self, words: str) -> str:
        for tag, value in (self.personalization.get("substitutions") or {}).items():
            words = words.replace(tag, value)
        return words


@dataclass(slots=True)
class Inbox:
    address: str
    mails: list[Mail] = field(default_factory=list)
    suppressed: str = ""  # why SendGrid drops mail to this address
    problem: str = ""  # why the last click had no effect

    @property
    def last(self) -> Mail:
        return self.mails[-1]

    def mail(self, order: int | None) -> Mail | None:
        """Return the mail with this number; the last one if `order` is None."""
        if order is None:
            return self.mails[-1] if self.mails else None
        return next((mail for mail in self.mails if mail.order == order), None)


class Inboxes:
    def __init__(self) -> None:
        self._inboxes: OrderedDict[str, Inbox] = OrderedDict()  # by address in lower case, latest last
        self._all: list[Mail] = []

    def keep(self, mail: Mail) -> None:
        self._all.append(mail)
        self.inbox(mail.to).mails.append(mail)
        self._inboxes.move_to_end(mail.to.lower())

    def inbox(self, address: str) -> Inbox:
        return self._inboxes.setdefault(address.lower(), Inbox(address))

    def find(self, address: str) -> Inbox | None:
        return self._inboxes.get(address.lower())

    def mails(self) -> list[Mail]:
        return self._all

    def latest(self, words: str = "") -> Iterator[Inbox]:
        words = words.casefold().strip()
        for address, inbox in reversed(self._inboxes.items()):
            if inbox.mails and (words in address or words in inbox.last.subject.casefold()):
                yield inbox

    def __len__(self) -> int:
        return len(self._inboxes)

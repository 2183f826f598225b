"""Check the key, the domains and the event webhook at SendGrid, for `tocsin check`. Reads only."""

import json
import urllib.request
from collections.abc import Iterator, Mapping
from email.utils import parseaddr
from typing import Any

from python_http_client.client import Client
from sendgrid import SendGridAPIClient

from notify.channels.findings import Finding, green, readable, red, yellow
from notify.channels.http.blocking import BlockingClient
from notify.channels.http.client import Answer, Endpoint, NotSent, OutcomeUnknown
from notify.channels.reading import is_same_address
from notify.core.settings import Settings

EVENTS = ("delivered", "bounce", "dropped", "deferred", "spam_report")  # receipts and suppressions need these


class _Reply:
    """Our answer with the interface of urllib's, for `python_http_client.Response`."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def getcode(self) -> int:
        return self._answer.status

    def read(self) -> bytes:
        return self._answer.body

    def info(self) -> Mapping[str, str]:
        return self._answer.headers


class _Client(Client):  # type: ignore[misc]  # python_http_client has no types
    """SendGrid's client on our HTTP client. Answers of any status are returned, not raised."""

    outbound: BlockingClient
    timeout_s: float

    def _build_client(self, name: str | None = None) -> "_Client":
        built = _Client(
            host=self.host,
            version=self._version,
            request_headers=self.request_headers,
            url_path=[*self._url_path, name] if name else self._url_path,
        )
        built.outbound, built.timeout_s = self.outbound, self.timeout_s
        return built

    def _make_request(self, opener: Any, request: urllib.request.Request, timeout: float | None = None) -> _Reply:
        if request.get_method() != "GET":
            raise RuntimeError(f"This client only reads from SendGrid: {request.get_method()} is not allowed.")
        endpoint = Endpoint("GET", request.full_url, dict(request.header_items()))
        return _Reply(self.outbound.ask(endpoint, None, self.timeout_s))


def check(settings: Settings, senders: Mapping[str, float], client: BlockingClient) -> Iterator[Finding]:
    """Yield the findings. `senders`: our From addresses and their rates. SendGrid's errors become findings."""
    library = SendGridAPIClient(settings.sendgrid_api_key.get_secret_value(), host=settings.sendgrid_base_url)
    sendgrid = _Client(host=library.host, request_headers=library.client.request_headers, version=3)
    sendgrid.outbound, sendgrid.timeout_s = client, settings.provider_timeout_s
    try:
        scopes = _get(sendgrid.scopes)
        if scopes.status_code != 200:
            yield red(
                "sendgrid: key",
                f"SendGrid does not accept the API key (HTTP {scopes.status_code}).",
                "Create a key with the permission Mail Send and set TOCSIN_SENDGRID_API_KEY to it.",
            )
            return
        if "mail.send" not in _document(scopes).get("scopes", ()):
            yield red("sendgrid: key", "The API key does not permit sending mail.", "Give it the permission Mail Send.")
        else:
            yield green("sendgrid: key", "The API key is valid and permits sending mail.")
        yield from readable("sendgrid: domains", _domains(_get(sendgrid.whitelabel.domains), senders))
        hook = f"{settings.public_url}/hooks/sendgrid/events"
        webhooks = _get(sendgrid._("user").webhooks.event.settings._("all"))
        yield from readable("sendgrid: event webhook", _webhook(webhooks, hook, settings))
    except (NotSent, OutcomeUnknown) as error:
        yield red("sendgrid", f"SendGrid does not answer ({error}).", "See `way out` above and status.sendgrid.com.")


def _get(resource: Any) -> Any:
    return resource.get()


def _document(response: Any) -> dict[str, Any]:
    """Return the JSON object of an answer, with a list as its `result`; {} if the answer is not JSON."""
    try:
        read = json.loads(response.body)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {"result": read}


def _domains(response: Any, senders: Mapping[str, float]) -> Iterator[Finding]:
    if response.status_code != 200:
        yield _not_shown(
            "sendgrid: domains",
            "Whether the senders' domains are authenticated",
            response.status_code,
            "Sender Authentication",
        )
        return
    valid = [str(one.get("domain", "")).lower() for one in _document(response).get("result", ()) if one.get("valid")]
    for sender in senders:
        domain = parseaddr(sender)[1].rpartition("@")[2].lower()
        # A parent domain is enough: DMARC's relaxed alignment (RFC 7489, section 3.1.1).
        if any(domain == one or domain.endswith(f".{one}") for one in valid):
            yield green(f"sendgrid: {domain}", "The domain is authenticated.")
        else:
            yield red(
                f"sendgrid: {domain}",
                f"{domain} is not authenticated: its mail is refused or lands in spam.",
                "Authenticate the domain in SendGrid: Settings, Sender Authentication.",
            )


def _not_shown(subject: str, what: str, status: int, permission: str) -> Finding:
    if status not in (401, 403):
        return red(subject, f"SendGrid does not return it (HTTP {status}).", "Try again; see status.sendgrid.com.")
    return yellow(
        subject,
        f"{what} cannot be seen with this API key (HTTP {status}).",
        f"Look in SendGrid's console, or give the key the permission {permission}, Read Access.",
    )


def _webhook(response: Any, hook: str, settings: Settings) -> Iterator[Finding]:
    subject = "sendgrid: event webhook"
    if response.status_code != 200:
        what = f"Whether an event webhook posts to {hook}, signed with our key,"
        yield _not_shown(subject, what, response.status_code, "Event Notification")
        return
    webhooks = _document(response).get("webhooks") or ()
    ours = next(
        (one for one in webhooks if one.get("enabled") and is_same_address(str(one.get("url", "")), hook)), None
    )
    if ours is None:
        yield red(
            subject,
            f"No enabled event webhook posts to {hook}: bounces and complaints would be lost.",
            f"In SendGrid, Settings, Mail Settings, Event Webhooks: add {hook} and enable it.",
        )
        return
    missing = [name for name in EVENTS if not ours.get(name)]
    if missing:
        yield red(subject, f"The event webhook does not report {', '.join(missing)}.", "Enable them in SendGrid.")
    if not ours.get("public_key"):
        yield red(
            subject,
            "The event webhook is not signed: all its events are refused.",
            "Enable Signature Verification in SendGrid, and set TOCSIN_SENDGRID_WEBHOOK_PUBLIC_KEY to its key.",
        )
    elif ours["public_key"] != settings.sendgrid_webhook_public_key:
        yield red(
            subject,
            "The event webhook is signed with another key than TOCSIN_SENDGRID_WEBHOOK_PUBLIC_KEY.",
            "Set it to the verification key that SendGrid shows.",
        )
    elif not missing:
        yield green(subject, "The event webhook sends signed events of all required types to this installation.")

"""Check the account, the senders and the webhooks at Twilio, for `tocsin check`. Reads only."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from twilio.base.exceptions import TwilioException, TwilioRestException

from notify.channels.findings import Finding, green, readable, red, yellow
from notify.channels.http.blocking import BlockingClient
from notify.channels.http.client import Endpoint, NotSent, OutcomeUnknown
from notify.channels.reading import is_same_address
from notify.channels.twilio.client import library, response
from notify.core.counting import counted
from notify.core.settings import Settings

TOLL_FREE = re.compile(r"\+18(?:00|33|44|55|66|77|88)\d{7}")
SHORT_CODE = re.compile(r"\d{5,6}")
# Segments a second that Twilio gives a sender unless more was bought:
# https://help.twilio.com/articles/115002943027
USUAL_PER_S = {"a short code": 100.0, "a toll-free number": 3.0, "a local number": 75.0}


def check(settings: Settings, senders: Mapping[str, float], client: BlockingClient) -> Iterator[Finding]:
    """Yield the findings. `senders`: our addresses at Twilio and their rates. Twilio's errors become findings."""
    sid = settings.twilio_account_sid
    token, url = settings.twilio_auth_token.get_secret_value(), settings.twilio_base_url

    def ask(endpoint: Endpoint) -> Any:
        return response(client.ask(endpoint, None, settings.provider_timeout_s))

    twilio = library(sid, token, url, ask, is_async=False)
    try:
        yield from _account(twilio.api.accounts(sid).fetch())
    except (TwilioException, NotSent, OutcomeUnknown) as error:
        wrong = getattr(error, "status", None) in (401, 403, 404)
        todo = "Set TOCSIN_TWILIO_ACCOUNT_SID and TOCSIN_TWILIO_AUTH_TOKEN to those of the account."
        yield red(
            "twilio: account",
            f"Twilio does not accept the credentials or does not answer ({_why(error)}).",
            todo if wrong else "See `way out` above and status.twilio.com.",
        )
        return
    for address, rate_per_s in senders.items():
        try:
            found = _sender(twilio, address, rate_per_s, f"{settings.public_url}/hooks/twilio/inbound")
            yield from readable(f"twilio: {address}", found)
        except (TwilioException, NotSent, OutcomeUnknown) as error:
            yield red(
                f"twilio: {address}",
                f"Twilio does not return this sender ({_why(error)}).",
                "Check that it belongs to this account: `tocsin senders list`.",
            )


def _account(account: Any) -> Iterator[Finding]:
    if account.status != "active":
        yield red("twilio: account", f"The account is {account.status}.", "Ask Twilio's support to reactivate it.")
    elif account.type == "Trial":
        yield red(
            "twilio: account",
            "This is a trial account: it can only send to numbers that you have verified one by one.",
            "Upgrade the account in Twilio's console.",
        )
    else:
        yield green("twilio: account", "The credentials are valid and the account is active.")


def _sender(twilio: Any, address: str, rate_per_s: float, hook: str) -> Iterator[Finding]:
    if address.startswith("MG"):
        yield from _service(twilio, address, hook)
        return
    short = SHORT_CODE.fullmatch(address)
    listed = (
        twilio.short_codes.list(short_code=address, limit=1)
        if short
        else twilio.incoming_phone_numbers.list(phone_number=address, limit=20)
    )
    found = next((one for one in listed if (one.short_code if short else one.phone_number) == address), None)
    subject = f"twilio: {address}"
    if found is None:
        yield red(
            subject,
            f"{address} does not belong to this Twilio account.",
            "Buy or move the number, or stop the sender with `tocsin senders set ID --status stopped`.",
        )
        return
    if not short and not (found.capabilities or {}).get("sms"):
        yield red(subject, f"{address} cannot send texts.", "Use a number with the SMS capability.")
    elif not short and found.status not in (None, "in-use"):
        yield red(subject, f"The status of {address} is {found.status}.", "Look at the number in Twilio's console.")
    else:
        yield green(subject, f"{address} belongs to this account and can send texts.")
    yield _number_hook(subject, found, hook)
    kind = "a short code" if short else "a toll-free number" if TOLL_FREE.fullmatch(address) else "a local number"
    if rate_per_s > USUAL_PER_S[kind]:
        yield yellow(
            f"{subject}, rate",
            f"{rate_per_s:g} segments a second is more than Twilio usually gives {kind} ({USUAL_PER_S[kind]:g}).",
            "Have Twilio confirm the rate, or lower it with `tocsin senders set`.",
        )


def _service(twilio: Any, address: str, hook: str) -> Iterator[Finding]:
    subject = f"twilio: {address}"
    service = twilio.messaging.v1.services(address)
    fetched, numbers, short_codes = service.fetch(), service.phone_numbers.list(), service.short_codes.list()
    if not numbers and not short_codes:
        yield red(subject, "The Messaging Service has no numbers.", "Add numbers to its sender pool.")
    else:
        yield green(subject, f"The Messaging Service has {counted(len(numbers) + len(short_codes), 'sender')}.")
    if fetched.use_inbound_webhook_on_number:
        for number in numbers:
            found = twilio.incoming_phone_numbers(number.sid).fetch()
            yield _number_hook(f"{subject}, {number.phone_number}", found, hook)
        for code in short_codes:
            yield _number_hook(f"{subject}, {code.short_code}", twilio.short_codes(code.sid).fetch(), hook)
    else:
        yield _hook(subject, fetched.inbound_request_url or "", fetched.inbound_method, hook)


def _number_hook(subject: str, number: Any, hook: str) -> Finding:
    """Check the webhook of a phone number or a short code. Only a number can belong to a TwiML application."""
    application = getattr(number, "sms_application_sid", None)
    if application:  # Twilio then ignores the number's own webhook
        return red(
            f"{subject}, replies",
            f"Replies go to the TwiML application {application} instead of {hook}: every STOP would be lost.",
            f"Configure the number with a webhook instead of the application: {hook} (HTTP POST).",
        )
    return _hook(subject, number.sms_url or "", number.sms_method, hook)


def _hook(subject: str, found: str, method: str | None, hook: str) -> Finding:
    subject, todo = f"{subject}, replies", f"Set the webhook for incoming messages to {hook} (HTTP POST)."
    if not is_same_address(found, hook):
        return red(subject, f"Replies go to {found or 'no URL'} instead of {hook}: every STOP would be lost.", todo)
    if method != "POST":
        said = f"The HTTP method for replies is {method or 'not set'}; only POST is accepted: every STOP would be lost."
        return red(subject, said, todo)
    return green(subject, "Replies, including STOP, come to this installation.")


def _why(error: Exception) -> str:
    """Describe the error without Twilio's own message, which repeats phone numbers (law 9)."""
    if isinstance(error, TwilioRestException):
        return f"HTTP {error.status}, code {error.code}"
    if isinstance(error, TwilioException) and len(error.args) > 1:
        return f"HTTP {error.args[1].status_code}"
    return str(error)[:80]

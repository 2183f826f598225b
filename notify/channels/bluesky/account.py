"""Check the account that we post as at its server, for `tocsin check`. Only requests a session.

https://docs.bsky.app/docs/api/com-atproto-server-create-session
"""

from collections.abc import Iterator, Mapping

from notify.channels.bluesky.errors import error_of
from notify.channels.bluesky.session import login
from notify.channels.exchange import document
from notify.channels.findings import Finding, green, red, yellow
from notify.channels.http.blocking import BlockingClient
from notify.channels.http.client import NotSent, OutcomeUnknown
from notify.core.settings import Settings

# 5,000 points an hour, 3 a post: https://docs.bsky.app/docs/advanced-guides/rate-limits
PER_HOUR = 1666
NO_HANDLE = "handle.invalid"  # the server's answer when the domain no longer points to the account


def check(settings: Settings, senders: Mapping[str, float], client: BlockingClient) -> Iterator[Finding]:
    """Yield the findings. `senders`: our accounts and their rates. The server's errors become findings."""
    subject, handle = "bluesky: account", settings.bluesky_handle.removeprefix("@")
    given = {"identifier": handle, "password": settings.bluesky_app_password.get_secret_value()}
    try:
        answer = client.ask(*login(f"{settings.bluesky_base_url}/xrpc", given), settings.provider_timeout_s)
    except (NotSent, OutcomeUnknown) as error:
        yield red(subject, f"The server does not answer ({error}).", "See `way out` above.")
        return
    account = document(answer)
    if answer.status == 429:
        yield red(
            subject,
            "The server refuses new sessions for now: its limit is 300 a day.",
            "Try again later, and run the check less often.",
        )
        return
    if answer.status != 200 or not isinstance(account.get("handle"), str):
        why = error_of(answer) or f"HTTP {answer.status}"
        yield red(
            subject,
            f"The server does not accept the handle and the app password ({why}).",
            "Create an app password; set TOCSIN_BLUESKY_HANDLE and TOCSIN_BLUESKY_APP_PASSWORD.",
        )
        return
    yield _state(subject, handle, account)
    for sender, rate_per_s in senders.items():
        if sender.removeprefix("@").lower() != handle.lower():
            yield yellow(
                f"bluesky: {sender}",
                f"The app password belongs to {handle}, not to {sender}.",
                "Use the app password of the account that residents know.",
            )
        if rate_per_s * 3600 > PER_HOUR:
            yield yellow(
                f"bluesky: {sender}, rate",
                f"{rate_per_s:g} posts a second is more than Bluesky allows, {PER_HOUR} an hour.",
                "Lower the rate with `tocsin senders set`.",
            )


def _state(subject: str, handle: str, account: Mapping[str, object]) -> Finding:
    if account.get("active") is False:
        return red(
            subject,
            f"The account {handle} is {account.get('status', 'not active')}.",
            "Ask the operators of its server.",
        )
    if account["handle"] == NO_HANDLE:
        return red(
            subject,
            f"The domain of {handle} no longer points to the account.",
            "Correct its DNS record `_atproto` or its file /.well-known/atproto-did.",
        )
    return green(subject, f"The app password is valid and belongs to {account['handle']}.")

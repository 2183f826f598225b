"""Check the account that we post as at its Mastodon server, for `tocsin check`. Reads only.

https://docs.joinmastodon.org/methods/accounts/#verify_credentials
"""

from collections.abc import Iterator, Mapping

from notify.channels.exchange import document
from notify.channels.findings import Finding, green, red, yellow
from notify.channels.http.blocking import BlockingClient
from notify.channels.http.client import Endpoint, NotSent, OutcomeUnknown
from notify.core.settings import Settings

PER_S = 1.0  # 300 posts in 5 minutes: https://docs.joinmastodon.org/api/rate-limits/


def check(settings: Settings, senders: Mapping[str, float], client: BlockingClient) -> Iterator[Finding]:
    """Yield the findings. `senders`: our accounts and their rates. The server's errors become findings."""
    url = f"{settings.mastodon_base_url}/api/v1/accounts/verify_credentials"
    headers = {"Authorization": f"Bearer {settings.mastodon_access_token.get_secret_value()}"}
    subject = "mastodon: account"
    try:
        answer = client.ask(Endpoint("GET", url, headers), None, settings.provider_timeout_s)
    except (NotSent, OutcomeUnknown) as error:
        yield red(subject, f"The server does not answer ({error}).", "See `way out` above.")
        return
    account = document(answer)
    if answer.status != 200 or not isinstance(account.get("acct"), str):
        yield red(
            subject,
            f"The server does not accept the access token (HTTP {answer.status}).",
            "Create a token with the scopes read:accounts and write:statuses; set TOCSIN_MASTODON_ACCESS_TOKEN to it.",
        )
        return
    if account.get("suspended") or account.get("limited"):
        yield red(subject, f"The account {account['acct']} is suspended or limited.", "Ask the server's moderators.")
    else:
        yield green(subject, f"The token is valid and belongs to {account['acct']}.")
    for sender, rate_per_s in senders.items():
        if sender.removeprefix("@").partition("@")[0] != account["acct"]:
            yield yellow(
                f"mastodon: {sender}",
                f"The token belongs to {account['acct']}, not to {sender}.",
                "Use the token of the account that residents know.",
            )
        if rate_per_s > PER_S:
            yield yellow(
                f"mastodon: {sender}, rate",
                f"{rate_per_s:g} posts a second is more than Mastodon's usual limit, 300 in 5 minutes.",
                "Lower the rate with `tocsin senders set`.",
            )

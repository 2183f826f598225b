"""The providers. A new one takes a package, its settings and one line here.

A setting's name is made of the provider and the argument of its adapter: `twilio` and `auth_token` give the field
`twilio_auth_token` and the environment variable TOCSIN_TWILIO_AUTH_TOKEN.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module

from pydantic import SecretStr

from notify.channels.bluesky.adapter import BlueskyPost
from notify.channels.channel import EMAIL, SMS, SOCIAL
from notify.channels.contract import Adapter
from notify.channels.findings import Finding
from notify.channels.http.blocking import BlockingClient
from notify.channels.http.client import HttpClient
from notify.channels.mastodon.adapter import MastodonPost
from notify.channels.sendgrid.adapter import SendGridEmail
from notify.channels.twilio.adapter import ANSWERED, TwilioSms
from notify.core.errors import NotFound, Unavailable
from notify.core.settings import Settings

# `check` of a provider's account.py: the settings, its senders with the rate of each, and the way out.
AccountCheck = Callable[[Settings, Mapping[str, float], BlockingClient], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider's channel, its adapter, and its required (`needs`) and optional (`takes`) settings.

    `may_return`: a delivered message may come back later, as an email can bounce after a server took it. Otherwise
    "delivered" overrides "undelivered": a phone may confirm a message that the carrier gave up. `answers`: the words
    of a reply, in lower case, that the provider acts on and answers itself.
    """

    channel: str
    adapter: Callable[..., Adapter]
    needs: tuple[str, ...]
    takes: tuple[str, ...] = ()
    may_return: bool = False
    answers: frozenset[str] = frozenset()


PROVIDERS = {
    "twilio": Provider(SMS.name, TwilioSms, ("account_sid", "auth_token", "base_url"), answers=ANSWERED),
    "sendgrid": Provider(EMAIL.name, SendGridEmail, ("api_key", "base_url"), ("webhook_public_key",), may_return=True),
    "mastodon": Provider(SOCIAL.name, MastodonPost, ("access_token", "base_url")),
    "bluesky": Provider(SOCIAL.name, BlueskyPost, ("handle", "app_password", "base_url")),
}


def missing(settings: Settings, provider: str) -> list[str]:
    """Return the environment variables that this provider needs and that are not set."""
    needs = _known(provider).needs
    return [f"TOCSIN_{provider}_{name}".upper() for name in needs if not _value(settings, provider, name)]


def build(settings: Settings, provider: str, client: HttpClient | None = None) -> Adapter:
    """Return the provider's adapter, sending through `client`; without a client it only reads webhooks.

    Raises NotFound for an unknown provider, Unavailable when its settings are missing.
    """
    known = _known(provider)
    unset = missing(settings, provider)
    if unset:
        raise Unavailable(f"Settings for {provider} are missing.", hint=f"Set {', '.join(unset)}.", details=unset)
    values = {name: _value(settings, provider, name) for name in known.needs + known.takes}
    return known.adapter(client=client, timeout_s=settings.provider_timeout_s, **values)


def account_check(provider: str) -> AccountCheck:
    """Return the part of `tocsin check` that queries the provider about our account."""
    _known(provider)
    # Imported here because no other command needs the providers' own libraries.
    check: AccountCheck = import_module(f"notify.channels.{provider}.account").check
    return check


def is_simulator(settings: Settings, provider: str) -> bool:
    """Return whether a simulator of ours takes the provider's messages: its base URL is TOCSIN_SIMULATOR_URL. Any other
    may lead to the provider itself, for example through a proxy."""
    there = "base_url" in _known(provider).needs and _value(settings, provider, "base_url")
    return bool(settings.simulator_url) and there == settings.simulator_url


def _known(provider: str) -> Provider:
    if provider not in PROVIDERS:
        raise NotFound(f"There is no provider {provider!r}.", hint=f"Providers: {', '.join(sorted(PROVIDERS))}.")
    return PROVIDERS[provider]


def _value(settings: Settings, provider: str, name: str) -> str:
    value = getattr(settings, f"{provider}_{name}")
    return str(value.get_secret_value() if isinstance(value, SecretStr) else value)

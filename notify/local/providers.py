"""The providers of a local stack: simulated ones, unless the environment has the secrets of real ones."""

import sys
from collections.abc import Mapping

from pydantic import SecretStr

from notify.core.settings import Settings
from notify.local import ports
from notify.local.credentials import Credentials
from notify.local.folder import environment_without_settings
from notify.local.program import Program

# Read from the settings: the registry would load the providers' libraries into the supervisor.
PROVIDERS = tuple(name.removesuffix("_base_url") for name in Settings.model_fields if name.endswith("_base_url"))
SECRETS = tuple(
    f"TOCSIN_{name}".upper()
    for name, field in Settings.model_fields.items()
    if field.annotation is SecretStr and name.startswith(PROVIDERS)
)


def are_simulated(given: Mapping[str, str]) -> bool:
    """Whether these TOCSIN_* settings hold no secret of a real provider."""
    return not any(name in given for name in SECRETS)


def simulated_settings(credentials: Credentials, url: str) -> dict[str, str]:
    """The settings of the simulated providers. They override all others: a demonstration must not reach real phones."""
    return {
        "TOCSIN_SIMULATOR_URL": url,
        **{f"TOCSIN_{name}_BASE_URL".upper(): url for name in PROVIDERS},
        "TOCSIN_TWILIO_ACCOUNT_SID": credentials.twilio_account_sid,
        "TOCSIN_TWILIO_AUTH_TOKEN": credentials.twilio_auth_token,
        "TOCSIN_SENDGRID_API_KEY": credentials.sendgrid_api_key,
        "TOCSIN_SENDGRID_WEBHOOK_PUBLIC_KEY": credentials.sendgrid_public_key,
        "TOCSIN_MASTODON_ACCESS_TOKEN": credentials.mastodon_access_token,
        "TOCSIN_BLUESKY_HANDLE": "city.bsky.social",
        "TOCSIN_BLUESKY_APP_PASSWORD": credentials.bluesky_app_password,
    }


def simulated_requests(url: str) -> dict[str, str]:
    """The settings of the training city's request system."""
    return {"TOCSIN_OPEN311": f"{url}/open311/v2 near=yes", "TOCSIN_OPEN311_KEY": "simulator"}


def simulated_agency(url: str) -> dict[str, str]:
    """The settings of the training city, whose county warns as well."""
    return {"TOCSIN_OUTSIDE_FEEDS": f"Brook County={url}/agencies/brook-county.cap"}


def simulator(credentials: Credentials, port: int, public_url: str) -> Program:
    """The process that stands in for all providers."""
    ours = {
        "SIM_TWILIO_ACCOUNT_SID": credentials.twilio_account_sid,
        "SIM_TWILIO_AUTH_TOKEN": credentials.twilio_auth_token,
        "SIM_TWILIO_INBOUND_URL": f"{public_url}/hooks/twilio/inbound",
        "SIM_SENDGRID_API_KEY": credentials.sendgrid_api_key,
        "SIM_SENDGRID_EVENTS_URL": f"{public_url}/hooks/sendgrid/events",
        "SIM_SENDGRID_PRIVATE_KEY": credentials.sendgrid_private_key,
        "SIM_MASTODON_TOKEN": credentials.mastodon_access_token,
        "SIM_BLUESKY_APP_PASSWORD": credentials.bluesky_app_password,
    }
    return Program(
        name="simulator",
        command=(sys.executable, "-m", "notify.simulators", "--port", str(port)),
        env={**environment_without_settings(), "PYTHONUNBUFFERED": "1", **ours},
        ready=lambda: ports.serves(f"http://{ports.HOST}:{port}/"),
    )

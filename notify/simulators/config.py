"""The configuration of the simulator: the credentials that it accepts and the webhooks that it calls."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, slots=True)
class Config:
    """Each field is also an option of the command and a variable in the environment: `SIM_` and its name in capitals.

    An empty webhook URL means that the webhook is not called.
    """

    twilio_account_sid: str = "AC" + "5" * 32
    twilio_auth_token: str = "simulator"  # noqa: S105 - opens nothing but this simulator
    twilio_inbound_url: str = ""
    twilio_number: str = "+15555550100"  # that a new phone texts until the city has sent; the training city's
    sendgrid_api_key: str = "SG.simulator"
    sendgrid_events_url: str = ""
    sendgrid_private_key: str = ""  # PEM, ECDSA P-256; without it events are not signed
    mastodon_token: str = "simulator"  # noqa: S105 - as above
    bluesky_handle: str = "city.bsky.social"
    bluesky_app_password: str = "simulator"  # noqa: S105 - as above
    open311_key: str = "simulator"
    seed: int = 0  # of everything random: latency jitter, error rates, repeats

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Self:
        given = {field.name: environment.get(f"SIM_{field.name.upper()}", "") for field in fields(cls)}
        seed = int(given.pop("seed") or 0)
        return cls(**{name: value for name, value in given.items() if value}, seed=seed)

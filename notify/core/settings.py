"""The only reader of the environment.

Every name is `TOCSIN_` and the field in capitals: `TOCSIN_DATABASE_URL`. `tocsin up` writes the same names into
its data folder, so that the other commands find the running stack.
"""

import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from notify.core import neighbours, quiet_time, server_addresses
from notify.core.errors import Unavailable
from notify.core.neighbours import Neighbour
from notify.core.rewording import reworded

TWILIO_URL = "https://api.twilio.com"
SENDGRID_URL = "https://api.sendgrid.com"
BLUESKY_URL = "https://bsky.social"
SHORTEST_KEY = 32  # characters


class Settings(BaseSettings):
    """The settings of a city. Times are in seconds; base URLs have no trailing slash."""

    model_config = SettingsConfigDict(env_prefix="TOCSIN_", env_file=None, extra="ignore", frozen=True)

    database_url: str = ""
    migration_database_url: str = ""  # the same database, as the role that owns the schema
    redis_url: str = ""
    secret_key: SecretStr = SecretStr("")
    previous_secret_key: SecretStr = SecretStr("")  # the key before it, while `tocsin keys rotate` replaces it
    data: Path = Path("tocsin-data")

    public_url: str = "http://127.0.0.1:8000"
    timezone: str = "America/New_York"
    units: str = Field("us", pattern="^(us|metric)$")  # of distances that residents read: miles, or kilometres
    quiet_hours: str = "21:00-08:00"  # by local time; no routine message reaches a resident in them. "off": none
    city: str = "City of Tocsin"
    city_center: str = ""  # longitude,latitude: a first import must lie near it
    program: str = "Tocsin city alerts"
    help_contact: str = "311"
    mail_domain: str = "alerts.example.org"  # for List-Id (RFC 2919)
    languages: tuple[str, ...] = ("en", "es")

    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr = SecretStr("")
    twilio_base_url: str = TWILIO_URL
    sendgrid_api_key: SecretStr = SecretStr("")
    sendgrid_base_url: str = SENDGRID_URL
    sendgrid_webhook_public_key: str = ""
    mastodon_base_url: str = ""
    mastodon_access_token: SecretStr = SecretStr("")
    bluesky_handle: str = ""
    bluesky_app_password: SecretStr = SecretStr("")
    bluesky_base_url: str = BLUESKY_URL  # of the account's server
    simulator_url: str = ""  # the stack's simulators; an exercise goes to a provider whose base URL is this (law 14)

    # For cities without direct internet access. Used by messages, the outside geocoder and `tocsin check`.
    outbound_proxy: SecretStr = SecretStr("")  # http://user:password@host:port
    outbound_no_proxy: str = ""  # hosts and networks that are reached directly, separated by commas
    outbound_ca_file: Path | None = None  # PEM; trusted in addition to the system's authorities

    pmtiles: str = ""  # a local file with the background map
    tiles_url: str = ""  # {z}/{x}/{y} of another server, when there is no file
    tiles_attribution: str = ""
    # An outside geocoder for addresses that the city's own streets lack. It learns those residents' addresses.
    geocoder: str = Field("", pattern="^(|census|nominatim|pelias)$")
    geocoder_url: str = ""
    geocoder_key: SecretStr = SecretStr("")
    geocoder_timeout_s: float = Field(4.0, gt=0, le=30)

    neighbours: str = ""  # "Brook County=https://its.page 19401 -75.4,40.0,-75.3,40.1; ..": who lives there joins there
    open311: str = ""  # "https://311.example.gov/open311/v2 format=xml": the city's request system
    open311_key: SecretStr = SecretStr("")
    outside_feeds: str = ""  # "Weather=https://..; Brook County=https://..": what other agencies say

    worker_threads: int = Field(4, ge=1, le=64)  # for each lane and channel
    lease_s: float = Field(60.0, gt=0)
    provider_timeout_s: float = Field(15.0, gt=0)
    reconcile_after_s: float = Field(20.0, gt=0)
    prices: str = ""  # "sms=0.0113,email=0.001": dollars for a segment or recipient, by the city's own contract
    alone_most: int = Field(1000, ge=0)  # contacts; a larger audience needs a second person
    ask_again_minutes: float = Field(5.0, ge=0.1, le=1440)  # until the next people are asked to approve an alert
    join_codes_per_day: int = Field(20_000, ge=0)  # codes that residents who join may ask for; each costs a text
    address_checks_a_day: int = Field(500, ge=0)  # residents who are asked whether they still live there; 0: nobody
    max_attempts: int = Field(6, ge=1)
    trusted_proxies: str = "127.0.0.1"  # whose X-Forwarded-For is believed: addresses and networks, separated by commas
    keep_texts_days: int = Field(1095, ge=90)  # the meanings of residents' texts; who owns a number is seen by them
    keep_reports_days: int = Field(90, ge=7)  # the providers' reports; they repeat one for days
    metrics_token: SecretStr = SecretStr("")  # without one, /metrics answers this machine only
    log_level: str = "INFO"
    log_format: str = Field("text", pattern="^(text|json)$")

    @field_validator(
        "public_url", "twilio_account_sid", "twilio_auth_token", "twilio_base_url", "sendgrid_api_key",
        "sendgrid_base_url", "sendgrid_webhook_public_key", "mastodon_base_url", "mastodon_access_token",
        "bluesky_handle", "bluesky_app_password", "bluesky_base_url",
        "open311_key", "geocoder_key", "geocoder_url", "simulator_url", mode="before",
    )  # fmt: skip
    @classmethod
    def _no_white_space(cls, value: object) -> object:
        """Strip secrets: a file often ends in a line break, which an HTTP header must not contain. The secret key stays
        as it is, because data was written with it."""
        return value.strip() if isinstance(value, str) else value

    @field_validator(
        "public_url", "twilio_base_url", "sendgrid_base_url", "mastodon_base_url", "bluesky_base_url", "geocoder_url",
        "simulator_url",
    )  # fmt: skip
    @classmethod
    def _no_trailing_slash(cls, url: str) -> str:
        return url.rstrip("/")

    @field_validator("simulator_url")
    @classmethod
    def _close_by(cls, url: str) -> str:
        """The host must be this machine, or a service of docker-compose: a name without a dot."""
        host = urlsplit(url).hostname or ""
        if url and ("." in host or ":" in host or not host) and host not in ("127.0.0.1", "::1"):
            raise ValueError("is neither on this machine (http://127.0.0.1:8025) nor a service of docker-compose")
        return url

    @field_validator("outbound_ca_file", mode="before")
    @classmethod
    def _no_file(cls, path: object) -> object:
        return path or None

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone {name!r}; write one such as America/New_York") from None
        return name

    @field_validator("quiet_hours")
    @classmethod
    def _quiet_hours(cls, text: str) -> str:
        quiet_time.read(text)
        return text.strip()

    @field_validator("city_center")
    @classmethod
    def _a_point(cls, text: str) -> str:
        if text.strip():
            lon, lat = map(float, text.split(","))
            if not (-180 <= lon <= 180 and -90 <= lat <= 90):
                raise ValueError("is not longitude,latitude in degrees, such as -75.16,39.95")
        return text.strip()

    @field_validator("prices")
    @classmethod
    def _priced(cls, text: str) -> str:
        for pair in filter(str.strip, text.split(",")):
            name, _, price = pair.partition("=")
            if not name.strip().isalpha() or not re.fullmatch(r"\d{1,4}(\.\d{1,8})?", price.strip()):
                raise ValueError("is not a list of channels with prices, such as sms=0.0113,email=0.001")
        return text.strip()

    @field_validator("neighbours")
    @classmethod
    def _known_neighbours(cls, text: str) -> str:
        neighbours.parsed(text)
        return text.strip()

    @field_validator("outside_feeds")
    @classmethod
    def _named_feeds(cls, text: str, others: ValidationInfo) -> str:
        pairs, simulator = _pairs(text), others.data.get("simulator_url") or ""
        for name, address in pairs:
            simulated = simulator and address.startswith(f"{simulator}/")
            if not name or not (simulated or server_addresses.is_https(address)):
                raise ValueError("is not a list such as Brook County=https://example.org/cap.atom; Weather=https://..")
        if len({address for _, address in pairs}) < len(pairs):
            raise ValueError("names the same address twice")
        return text.strip()

    @property
    def price_of(self) -> dict[str, float]:
        """Dollars for a unit (a segment, a recipient) by channel; a channel that is not there has no known price."""
        pairs = (pair.partition("=") for pair in self.prices.split(",") if pair.strip())
        return {name.strip(): float(price) for name, _, price in pairs}

    @property
    def places_beside(self) -> tuple[Neighbour, ...]:
        """The neighbours of the city, in whose area it does not warn."""
        return neighbours.parsed(self.neighbours)

    @property
    def feeds(self) -> list[tuple[str, str]]:
        """Agencies and the addresses of their feeds."""
        return _pairs(self.outside_feeds)

    @property
    def center(self) -> tuple[float, float] | None:
        """Longitude and latitude of the city's center, if set."""
        lon, _, lat = self.city_center.partition(",")
        return (float(lon), float(lat)) if lat else None

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def quiet(self) -> quiet_time.QuietHours:
        """The quiet hours of residents who chose no other."""
        return quiet_time.read(self.quiet_hours)

    def require_database(self) -> str:
        """The URL of PostgreSQL, in libpq's form. Raises Unavailable."""
        if not self.database_url:
            raise Unavailable(
                "TOCSIN_DATABASE_URL is not set.",
                hint="Start the stack with `tocsin up`, or set TOCSIN_DATABASE_URL and TOCSIN_REDIS_URL.",
            )
        return server_addresses.of_postgresql("TOCSIN_DATABASE_URL", self.database_url)

    def require_schema_database(self) -> str:
        """The URL of the role that owns the schema; by default that of all processes. Raises Unavailable."""
        if not self.migration_database_url:
            return self.require_database()
        return server_addresses.of_postgresql("TOCSIN_MIGRATION_DATABASE_URL", self.migration_database_url)

    def runtime_login(self) -> tuple[str, str] | None:
        """Role and password of the processes; None when they connect as the owner of the schema."""
        from psycopg.conninfo import conninfo_to_dict

        if not (self.migration_database_url and self.database_url):
            return None
        owner, ours = conninfo_to_dict(self.require_schema_database()), conninfo_to_dict(self.require_database())
        if not ours.get("user") or ours.get("user") == owner.get("user"):
            return None
        return str(ours["user"]), str(ours.get("password") or "")

    def require_redis(self) -> str:
        if not self.redis_url:
            raise Unavailable(
                "TOCSIN_REDIS_URL is not set.",
                hint="Start the stack with `tocsin up`, or set TOCSIN_DATABASE_URL and TOCSIN_REDIS_URL.",
            )
        if not server_addresses.is_redis(self.redis_url):
            raise Unavailable(
                "TOCSIN_REDIS_URL is not the address of a Redis server.",  # with its password, so it is not repeated
                hint="Write it as redis://:password@host:6379/0, with special characters of the password as %XX.",
            )
        return self.redis_url

    def require_secret_key(self) -> bytes:
        """The master key, at least 32 characters. All other keys are derived from it (`crypto.py`)."""
        return _long_enough("TOCSIN_SECRET_KEY", self.secret_key)

    def secret_keys(self) -> tuple[bytes, ...]:
        """The master key, and the previous one if it is set."""
        if not self.previous_secret_key.get_secret_value():
            return (self.require_secret_key(),)
        return (self.require_secret_key(), _long_enough("TOCSIN_PREVIOUS_SECRET_KEY", self.previous_secret_key))


def _pairs(text: str) -> list[tuple[str, str]]:
    """The pairs of `name=address; name=address`. An address may have `=` and `,` in it."""
    pairs = (pair.partition("=") for pair in text.split(";") if pair.strip())
    return [(name.strip(), address.strip()) for name, _, address in pairs]


def _long_enough(name: str, secret: SecretStr) -> bytes:
    key = secret.get_secret_value()
    if len(key) < SHORTEST_KEY:
        raise Unavailable(
            f"{name} is missing or shorter than {SHORTEST_KEY} characters.",
            hint="Make one with `openssl rand -hex 32` and keep it safe: without it no stored address can be read.",
        )
    return key.encode()


@cache
def settings() -> Settings:
    """The settings of this process, read once. Tests and `cli.py` clear it with `settings.cache_clear()`.

    Raises Unavailable, naming every invalid setting but not its value, which may be a secret.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"TOCSIN_{str(one['loc'][0]).upper()}: {reworded(one['msg'])}" for one in error.errors()]
    except SettingsError as error:
        wrong = [str(error)]
    raise Unavailable("The settings cannot be used.", hint="docs/installing.md lists them all.", details=wrong)

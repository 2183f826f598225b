"""The routes of the simulator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from notify.simulators import agencies
from notify.simulators.bluesky import Bluesky
from notify.simulators.config import Config
from notify.simulators.control import Control
from notify.simulators.door import door
from notify.simulators.mastodon import Mastodon
from notify.simulators.open311 import Open311
from notify.simulators.sendgrid import SendGrid
from notify.simulators.sendgrid_account import SendGridAccount
from notify.simulators.sendgrid_events import EventWebhook
from notify.simulators.site import ASSETS, Site
from notify.simulators.twilio import Twilio
from notify.simulators.twilio_account import TwilioAccount
from notify.simulators.world import World


def create_app(config: Config) -> Starlette:
    """Create a simulator with its own memory. Raises ValueError when the signing key is invalid.

    Run it under uvicorn; it cannot drop connections under other servers.
    """
    world = World(config)
    events = EventWebhook(world)
    twilio, sendgrid, mastodon = Twilio(world), SendGrid(world, events), Mastodon(world)
    messages = "/2010-04-01/Accounts/{account}/Messages"

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await world.courier.open()
        try:
            yield
        finally:
            await world.courier.close()

    routes = [
        Route(f"{messages}.json", door(world, twilio, twilio.create), methods=["POST"]),
        Route(f"{messages}.json", door(world, twilio, twilio.listing, "lookup"), methods=["GET"]),
        Route(f"{messages}/{{sid}}.json", door(world, twilio, twilio.fetch, "lookup"), methods=["GET"]),
        *_twilio_account(world, twilio),
        *_sendgrid_account(world, sendgrid),
        Route("/v3/mail/send", door(world, sendgrid, sendgrid.send), methods=["POST"]),
        Route("/api/v1/statuses", door(world, mastodon, mastodon.post), methods=["POST"]),
        Route(
            "/api/v1/accounts/verify_credentials",
            door(world, mastodon, mastodon.verify_credentials, "lookup"),
            methods=["GET"],
        ),
        *_bluesky(world, Bluesky(world)),
        *Control(world, events).routes(),
        *agencies.routes(),
        *Open311(world).routes(),
        *Site(world, events).routes(),
        Mount("/assets", StaticFiles(directory=ASSETS)),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def _twilio_account(world: World, twilio: Twilio) -> list[Route]:
    account, base = TwilioAccount(world), "/2010-04-01/Accounts/{account}"
    reading = {
        f"{base}.json": account.account,
        f"{base}/IncomingPhoneNumbers.json": account.numbers,
        f"{base}/IncomingPhoneNumbers/{{sid}}.json": account.number,
        f"{base}/SMS/ShortCodes.json": account.short_codes,
        f"{base}/SMS/ShortCodes/{{sid}}.json": account.short_code,
        "/v1/Services/{service}": account.service,
        "/v1/Services/{service}/PhoneNumbers": account.service_numbers,
        "/v1/Services/{service}/ShortCodes": account.service_short_codes,
    }
    return [Route(path, door(world, twilio, handle, "lookup"), methods=["GET"]) for path, handle in reading.items()]


def _sendgrid_account(world: World, sendgrid: SendGrid) -> list[Route]:
    account = SendGridAccount(world)
    reading = {
        "/v3/scopes": account.scopes,
        "/v3/whitelabel/domains": account.domains,
        "/v3/user/webhooks/event/settings/all": account.webhooks,
    }
    return [Route(path, door(world, sendgrid, handle, "lookup"), methods=["GET"]) for path, handle in reading.items()]


def _bluesky(world: World, bluesky: Bluesky) -> list[Route]:
    server, repo = "/xrpc/com.atproto.server", "/xrpc/com.atproto.repo"
    return [
        Route(f"{server}.createSession", door(world, bluesky, bluesky.create_session, "session"), methods=["POST"]),
        Route(f"{server}.refreshSession", door(world, bluesky, bluesky.refresh_session, "session"), methods=["POST"]),
        Route(f"{repo}.createRecord", door(world, bluesky, bluesky.create_record), methods=["POST"]),
        Route(f"{repo}.deleteRecord", door(world, bluesky, bluesky.delete_record, "session"), methods=["POST"]),
        Route(f"{repo}.getRecord", door(world, bluesky, bluesky.get_record, "lookup"), methods=["GET"]),
    ]

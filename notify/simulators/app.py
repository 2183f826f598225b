"""Every address of the simulator, and what answers there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from notify.simulators.config import Config
from notify.simulators.control import Control
from notify.simulators.door import door
from notify.simulators.mastodon import Mastodon
from notify.simulators.sendgrid import SendGrid
from notify.simulators.sendgrid_events import EventWebhook
from notify.simulators.site import ASSETS, Site
from notify.simulators.twilio import Twilio
from notify.simulators.world import World


def create_app(config: Config) -> Starlette:
    """One simulator with a memory of its own. Raises ValueError when the signing key is no key.

    Run it under uvicorn: only there can it drop connections.
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
        Route("/v3/mail/send", door(world, sendgrid, sendgrid.send), methods=["POST"]),
        Route("/api/v1/statuses", door(world, mastodon, mastodon.post), methods=["POST"]),
        Route(
            "/api/v1/accounts/verify_credentials",
            door(world, mastodon, mastodon.verify_credentials, "lookup"),
            methods=["GET"],
        ),
        *Control(world, events).routes(),
        *Site(world, events).routes(),
        Mount("/assets", StaticFiles(directory=ASSETS)),
    ]
    return Starlette(routes=routes, lifespan=lifespan)

"""`python -m notify.simulators --port N` runs the simulator as a process of its own."""

import argparse
import os
import sys
from dataclasses import fields, replace

import uvicorn

from notify.simulators.app import create_app
from notify.simulators.config import Config

GRACE_S = 1  # for open requests when it is stopped: some hang on purpose and would never end


def main() -> int:
    options = _parser().parse_args()
    given = {field.name: getattr(options, field.name) for field in fields(Config)}
    try:
        config = replace(Config.read(os.environ), **{name: value for name, value in given.items() if value is not None})
        app = create_app(config)
    except ValueError as error:
        print(f"simulator: {error}", file=sys.stderr)  # noqa: T201 - this is a command
        return 2
    # No access log, because the paths contain phone numbers and emails.
    uvicorn.run(
        app,
        host=options.host,
        port=options.port,
        access_log=False,
        proxy_headers=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=75,
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m notify.simulators",
        description="Stand-ins for Twilio, SendGrid, Mastodon and Bluesky on loopback. Nothing leaves this machine.",
        epilog="Each option can also be set in the environment: --twilio-auth-token is SIM_TWILIO_AUTH_TOKEN.",
    )
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--host", default="127.0.0.1", help="127.0.0.1 unless a container needs another one")
    for field in fields(Config):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=int if field.name == "seed" else str)
    return parser


if __name__ == "__main__":
    sys.exit(main())

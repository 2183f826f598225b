"""`tocsin outside list`: what other agencies say, on the command line."""

import json
from datetime import UTC, datetime

from typer.testing import CliRunner

from notify.cli.outside import commands
from notify.core.db import transaction
from notify.outside.messages import Words
from tests import factories


def listed(*options: str) -> str:
    # A group of one command is that command.
    return CliRunner().invoke(commands, [*options], catch_exceptions=False).stdout


def test_it_lists_what_is_in_force_and_how_the_feeds_do(database: str) -> None:
    assert "TOCSIN_OUTSIDE_FEEDS names them" in listed()
    now = datetime.now(UTC)
    words = Words("en-US", "[/bold] Flood", "Rising", "Water.", "Go up.")
    with transaction() as s:
        number = factories.outside_warning(s, now=now, words=[words])
    told = listed()
    assert "[/bold] Flood" in told
    assert "7 minutes" in told
    assert "Brook County: read " in told
    document = json.loads(listed("--json"))
    assert [(one["id"], one["headline"], one["place"]) for one in document["warnings"]] == [
        (number, "Rising", "Mill Street")
    ]
    assert document["feeds"][0]["agency"] == "Brook County"

"""A message as residents get it, of the examples that the catalogue gives for its blanks."""

from collections.abc import Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

from notify.content.compose import Context, Rendered, catalogue, fill, render

NEW_YORK = ZoneInfo("America/New_York")
CONTEXT = Context(
    city="City of Tocsin",
    area="Riverside",
    expires_at=datetime(2027, 1, 13, 13, tzinfo=UTC),  # 8 in the morning of a Wednesday in New York
    timezone=NEW_YORK,
    link="https://alerts.example.org/a/1234",
    program="Tocsin city alerts",
    help_contact="311",
    now=datetime(2027, 1, 12, 15, tzinfo=UTC),
)


def examples(event: str, phase: str, *, all_of_them: bool = True) -> dict[str, str]:
    blanks = catalogue().event(event).blanks(phase)
    return {blank.name: blank.example for blank in blanks if all_of_them or phase in blank.required}


def written(
    event: str,
    phase: str,
    channel: str,
    language: str,
    blanks: Mapping[str, str] | None = None,
    context: Context = CONTEXT,
) -> Rendered:
    found = catalogue().event(event)
    filled = fill(found, phase, examples(event, phase, all_of_them=False) if blanks is None else blanks)
    (one,) = render(found, phase, filled, channels=[channel], languages=[language], context=context)
    return one


class Parsed(HTMLParser):
    """The words, links, tags and attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words = ""
        self.links: list[str | None] = []
        self.tags: list[str] = []
        self.languages: list[str | None] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href"]
        self.languages += [value for name, value in attrs if name == "lang"]

    def handle_data(self, data: str) -> None:
        self.words += data

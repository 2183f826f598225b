"""The words of our replies, by language and key: `templates/replies`."""

import tomllib
from collections.abc import Mapping
from functools import cache

from notify.channels.channel import SMS
from notify.content.links import fill_in
from notify.core.settings import settings
from notify.core.translation import spoken
from templates import REPLIES


def worded(language: str, key: str, **values: object) -> str:
    """Return a reply. Its letters are those of one SMS segment, as far as the values allow."""
    chosen = settings()
    words = catalogue()
    answers = words[spoken(language)]
    given = {
        "program": chosen.program, "contact": chosen.help_contact, "url": chosen.public_url, "city": chosen.city,
    } | values  # fmt: skip
    return SMS.written(fill_in(answers[key], **given))


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """Return the replies by language and key."""
    return {file.stem: tomllib.loads(file.read_text(encoding="utf-8")) for file in sorted(REPLIES.glob("*.toml"))}

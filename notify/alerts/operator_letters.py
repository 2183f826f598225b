"""Write to operators about an alert: rows in the transaction of the act, which a job sends after the commit."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels.channel import CHANNELS
from notify.content import titles
from notify.core import operator_words, translation
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.models import Alert, Lane, Operator

CONSOLE = "console"  # the channel of a message that is only shown there
LONGEST_REASON = 160  # characters of a reason in a text message

_WRITE = """
    INSERT INTO direct_messages
           (kind, alert_id, operator_id, step, channel, subject, text, state, made_at, settled_at)
    SELECT :kind, :alert, o.id, :step, c.channel, :subject,
           coalesce(CAST(:written AS jsonb) ->> c.channel, :text),
           CASE c.channel WHEN 'console' THEN 'accepted' ELSE 'waiting' END, :now,
           CASE c.channel WHEN 'console' THEN CAST(:now AS timestamptz) END
      FROM unnest(CAST(:people AS bigint[])) AS o (id),
           LATERAL (SELECT 'console' UNION ALL SELECT channel FROM operator_contacts k
                     WHERE k.operator_id = o.id AND k.verified_at IS NOT NULL
                                                    AND k.channel <> ALL(CAST(:but AS text[]))) AS c (channel)
     ORDER BY o.id
    ON CONFLICT DO NOTHING
"""


def write(
    s: Session,
    kind: Literal["ask", "break-glass", "channel-silent", "expiry", "overtaken"],
    alert: Alert,
    people: Collection[Operator],
    step: int,
    now: datetime,
    *,
    author: str,
    reason: str = "",
    silent: Sequence[str] = (),
    more: Callable[[str], Mapping[str, str]] = lambda _language: {},
) -> None:
    """Write to people on the console and on each of their verified contacts, but not on a channel that
    is `silent`: once for each kind and step. `more`: fills other blanks, in a language."""
    given = {
        "city": settings().city,
        "author": author,
        "reason": reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 3] + "...",
        "link": f"{settings().public_url}/console/alerts/{alert.id}",
    }
    by_language: dict[str, list[int]] = {}
    for one in people:
        by_language.setdefault(one.language or "en", []).append(one.id)
    for language, ids in by_language.items():
        blanks = given | _about(alert, language) | {"channels": named(silent, language), **more(language)}
        words = {part: line.format(**blanks) for part, line in operator_words.of(kind, language).items()}
        written = json.dumps({name: channel.written(words["text"]) for name, channel in CHANNELS.items()})
        row = {"kind": kind, "alert": alert.id, "people": ids, "step": step, "now": now, "but": list(silent), **words}
        s.execute(text(_WRITE), row | {"written": written})


def named(channels: Sequence[str], language: str = "en") -> str:
    """Return the messages of channels as words in a sentence: "texts, posts"."""
    with translation.speaking(language):
        return ", ".join(_(CHANNELS[one].label).lower() for one in channels)


def _about(alert: Alert, language: str) -> dict[str, str]:
    """Return what the alert is, in words."""
    said = operator_words.of("what", language)
    with translation.speaking(language):
        name = titles.name(alert.event, alert.blanks)
        event = name[:1].lower() + name[1:]
    return {
        "practice": operator_words.of("practice", language)[alert.status],
        "what": said[alert.phase].format(event=event, number=alert.id, area=alert.area_description),
        "lane": said["emergency"] if alert.lane is Lane.EMERGENCY else "",
    }

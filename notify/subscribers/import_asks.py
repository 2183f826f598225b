"""Ask contacts of an import that came without a consent whether they want alerts: once each, ever, and a few at a time.

Who is to be asked waits in `import_asks`. A portion is handed to the senders at a time, by day, so that thousands of
questions delay nothing else; the next follows when they are out. A contact counts as asked once its message has gone
out: what was not sent is tried again.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.channels.channel import CHANNELS
from notify.core import keyring
from notify.core.errors import NotFound, Refused
from notify.core.settings import settings
from notify.core.translation import gettext as _
from notify.core.translation import speaking
from notify.subscribers import entering, questions
from notify.subscribers.proving import BY_IMPORT

PORTION = 40  # questions under way at once
FROM_HOUR, UNTIL_HOUR = 9, 20  # of the city's clock; 47 CFR 64.1200(c)(1) allows 8 am to 9 pm


def work(s: Session, now: datetime) -> int:
    """Note what has gone out, and ask the next ones if it is day in the city. Return how many are asked now."""
    for statement in _SETTLE:
        s.execute(text(statement))
    if not FROM_HOUR <= now.astimezone(settings().tz).hour < UNTIL_HOUR:
        return 0
    under_way = s.execute(text("SELECT count(*) FROM import_asks WHERE message_id IS NOT NULL")).scalar_one()
    if under_way >= PORTION:
        return 0
    keyring.hold(s)
    rows = s.execute(text(_NEXT), {"most": PORTION - under_way, "now": now}).all()
    return questions.ask_each(s, rows, lambda row: _ask(s, row, now), lambda row: f"contact {row.id} of an import", now)


def message(channel: str, language: str) -> tuple[str, str]:
    """Return the subject and the text of the question; PLACE stands for the link of an email."""
    known = settings()
    with speaking(language):
        if CHANNELS[channel].letter:
            subject = _("Do you want the alerts of %(city)s?", city=known.city)
            return subject, _(
                "This email is on an old list for the alerts of %(city)s, and we do not know whether you agreed.\n\nIf"
                " you want alerts, open this page and press the button. It works for 14 days:\n%(link)s\n\nIf not,"
                " ignore this message: we do not ask again.",
                city=known.city,
                link=questions.PLACE,
            )
        return "", _(
            "%(program)s: this number is on an old alert list. Reply YES to get alerts, NO if not. We ask once. Not"
            " 911. Msg&data rates may apply. HELP or STOP.",
            program=known.program,
        )


def _ask(s: Session, row: Any, now: datetime) -> bool:
    """Ask one contact. One that may not be written to any more is not asked."""
    subject, said = message(row.channel, row.language)
    about: dict[str, Any] = {"words": said.replace(questions.PLACE, ""), "how": BY_IMPORT}
    if CHANNELS[row.channel].letter:
        about["place"] = entering.link(row.id)
    try:
        number = questions.ask(
            s, row.channel, row.address_index, questions.CONFIRM, text=said, subject=subject, now=now, **about
        )
    except (Refused, NotFound):
        s.execute(text("DELETE FROM import_asks WHERE contact_id = :id"), {"id": row.id})
        return False
    s.execute(text("UPDATE import_asks SET message_id = :m WHERE contact_id = :id"), {"m": number, "id": row.id})
    return True


# What went out, perhaps (`unknown`), is never sent again; what a provider refused would be refused again. What was not
# sent waits for its next turn, unless the contact has confirmed, left or been asked otherwise meanwhile (_NEXT).
_SETTLE = (
    """UPDATE contacts c SET asked_at = coalesce(m.settled_at, m.made_at)
         FROM import_asks i JOIN direct_messages m ON m.id = i.message_id
        WHERE c.id = i.contact_id AND m.state IN ('accepted', 'unknown')""",
    """DELETE FROM import_asks i USING direct_messages m
        WHERE m.id = i.message_id AND (m.state IN ('accepted', 'unknown')
              OR m.state = 'failed' AND m.reason NOT IN ('not-needed', 'too-late'))""",
    """UPDATE import_asks i SET message_id = NULL FROM direct_messages m
        WHERE m.id = i.message_id AND m.state = 'failed'""",
    """DELETE FROM import_asks i USING contacts c
        WHERE c.id = i.contact_id AND i.message_id IS NULL
          AND (c.verified_at IS NOT NULL OR c.address_sealed IS NULL OR c.asked_at IS NOT NULL
               OR EXISTS (SELECT FROM suppressions x WHERE x.topic IS NULL
                             AND (x.channel, x.address_index) = (c.channel, c.address_index)))""",
)
# Somebody who is just talking to us, or is asked something else, is left alone until that is over.
_NEXT = """
    SELECT c.id, c.channel, c.address_index, r.language
      FROM import_asks i JOIN contacts c ON c.id = i.contact_id JOIN subscribers r ON r.id = c.subscriber_id
     WHERE i.message_id IS NULL
       AND NOT EXISTS (SELECT FROM conversations v WHERE v.asked <> '' AND v.ends_at > :now
                          AND (v.channel, v.address_index) = (c.channel, c.address_index)
                          AND NOT EXISTS (SELECT FROM direct_messages m
                                           WHERE m.id = v.message_id AND m.state = 'failed'))
     ORDER BY i.made_at, c.id LIMIT :most FOR UPDATE OF i SKIP LOCKED
"""

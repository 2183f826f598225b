"""What is held for a resident follows them into another language: its words were chosen with its audience."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.delivery.digests import MERGED
from notify.delivery.regrouping import regrouped


def follow(s: Session, subscriber_id: int, language: str) -> None:
    """Have what quiet hours or a digest hold for a resident leave in this language, where the alert has words in it.

    What is queued or merged already leaves as it is.
    """
    s.execute(text(_FOLLOW), {"id": subscriber_id, "language": language})


_FOLLOW = regrouped(
    f"""b.language <> :language AND d.reason <> '{MERGED}'
           AND EXISTS (SELECT FROM contents w
                        WHERE (w.alert_id, w.channel, w.language, w.wording)
                            = (b.alert_id, b.channel, :language, b.wording))""",
    language="CAST(:language AS text)",
)

"""How long each kind of residents' data is kept, and why: one table for the job that deletes and for /privacy."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from notify.accounts import tries
from notify.core.settings import settings
from notify.core.translation import gettext_noop
from notify.models.reminder import NEVER
from notify.service311.answers import search as answer_search
from notify.service311.calls import log as call_log
from notify.service311.open311 import filing
from notify.service311.outages import reports as outage_reports
from notify.subscribers import conversations, joining

MESSAGES_KEPT = timedelta(days=30)
ENDED_CALENDARS_KEPT = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Kind:
    """`what`, `why`, `until`: words for residents. `kept`: how long after the row was made; None: `until` says it.
    `forget`: deletes what is older."""

    what: str
    why: str
    tables: Collection[str]
    until: str = ""
    kept: Callable[[], timedelta] | None = None
    forget: Callable[[Session, datetime], None] | None = None


def _forget_messages(s: Session, now: datetime) -> None:
    s.execute(
        text("""DELETE FROM direct_messages m WHERE m.contact_id IS NOT NULL AND m.made_at < :old
                   AND m.state NOT IN ('waiting', 'claimed')
                   AND NOT EXISTS (SELECT FROM conversations v WHERE v.message_id = m.id)"""),
        {"old": now - MESSAGES_KEPT},
    )


def _forget_reminders(s: Session, now: datetime) -> None:
    s.execute(text("DELETE FROM reminders WHERE made_at < :old"), {"old": now - MESSAGES_KEPT})
    over = "DELETE FROM reminder_wishes WHERE until_day < :long_ago AND until_day > :never"
    s.execute(text(over), {"long_ago": (now - MESSAGES_KEPT).date(), "never": NEVER})
    s.execute(
        text("""DELETE FROM reminder_wishes w USING subscribers r
                 WHERE r.id = w.subscriber_id AND r.erased_at IS NOT NULL""")
    )


def _forget_texts(s: Session, now: datetime) -> None:
    s.execute(text("DELETE FROM inbound WHERE received_at < :old"), {"old": now - _texts_kept()})


def _forget_reports(s: Session, now: datetime) -> None:
    """Delete reports that were used up. One that still has to be applied is kept, however old."""
    s.execute(
        text("DELETE FROM receipts WHERE applied_at IS NOT NULL AND received_at < :old"), {"old": now - _reports_kept()}
    )


def _forget_calendars(s: Session, now: datetime) -> None:
    s.execute(text("DELETE FROM collection_feeds WHERE revoked_at < :old"), {"old": now - ENDED_CALENDARS_KEPT})


def _forget_calls(s: Session, now: datetime) -> None:
    call_log.forget_notes(s, now)
    call_log.forget_agents(s, now)
    call_log.forget_old(s, now)


def _texts_kept() -> timedelta:
    return timedelta(days=settings().keep_texts_days)


def _reports_kept() -> timedelta:
    return timedelta(days=settings().keep_reports_days)


KINDS = (
    Kind(
        gettext_noop("Phone numbers, emails, places, topics and choices"),
        gettext_noop("To send you the alerts that you asked for. Numbers, emails and places are encrypted."),
        (
            "subscribers",
            "contacts",
            "places",
            "place_checks",
            "preferences",
            "choices",
            "reminder_wishes",
            "arrivals",
            "address_checks",
            "import_asks",
        ),
        until=gettext_noop("until you change or erase them"),
    ),
    Kind(
        gettext_noop("What you type to join or to sign in, and its code"),
        gettext_noop("To see that the phone or email is yours."),
        ("joinings",),
        kept=lambda: joining.FORGOTTEN_AFTER,
        forget=joining.forget_old,
    ),
    Kind(
        gettext_noop("Questions and tests that we sent you"),
        gettext_noop("To see whether they arrived."),
        ("direct_messages",),
        kept=lambda: MESSAGES_KEPT,
        forget=_forget_messages,
    ),
    Kind(
        gettext_noop("Which collections we reminded you of, and of which of your places"),
        gettext_noop("To tell you if the day changes after that."),
        ("reminders",),
        kept=lambda: MESSAGES_KEPT,
        forget=_forget_reminders,
    ),
    Kind(
        gettext_noop("Collection days that we sent you by email, and for which address"),
        gettext_noop("To see whether they arrived."),
        ("sealed_words",),
        kept=lambda: MESSAGES_KEPT,
        forget=_forget_messages,  # they go with their messages
    ),
    Kind(
        gettext_noop("That you told us that service is out at your place, and in which part of the city that is"),
        gettext_noop("To see where an outage goes on, and send crews there."),
        ("outage_reports",),
        kept=lambda: outage_reports.KEPT,
        forget=outage_reports.forget_old,
    ),
    Kind(
        gettext_noop("A conversation by text that goes on"),
        gettext_noop("To understand your next text."),
        ("conversations",),
        until=gettext_noop("until it is over"),
        forget=conversations.forget_old,
    ),
    Kind(
        gettext_noop("The meaning of a text from you, such as STOP, without its words"),
        gettext_noop("To answer what you asked us, and when."),
        ("inbound",),
        kept=_texts_kept,
        forget=_forget_texts,
    ),
    Kind(
        gettext_noop("Which alert went to which phone or email, and what became of it"),
        gettext_noop("To answer why you got it or not, and to review what the city did."),
        ("deliveries", "carrier_refusals", "merged"),
        until=gettext_noop("as long as the alert; after an erasure without your phone or email"),
    ),
    Kind(
        gettext_noop("Reports of phone companies and mail providers about a message"),
        gettext_noop("To see what arrived, and to find faults."),
        ("receipts",),
        kept=_reports_kept,
        forget=_forget_reports,
    ),
    Kind(
        gettext_noop("What you agreed to and stopped: when, how, and the words that you were shown"),
        gettext_noop("It is our proof that you asked for messages, or asked us to stop."),
        ("consents", "address_ledger"),
        until=gettext_noop("as long as the service runs; after an erasure without your phone or email"),
    ),
    Kind(
        gettext_noop("That a phone or email must not be written to, as a code that nobody can read"),
        gettext_noop("So that a STOP stays a STOP, and no old list signs you up again."),
        ("suppressions", "carrier_blocks"),
        until=gettext_noop("until you ask for messages again"),
    ),
    Kind(
        gettext_noop("Your collection calendar: its place, encrypted, until you end it; then only that it ended"),
        gettext_noop("To show the days of your address, and to tell your calendar program that it has ended."),
        ("collection_feeds",),
        kept=lambda: ENDED_CALENDARS_KEPT,
        forget=_forget_calendars,
    ),
    Kind(
        gettext_noop("A request that our staff filed with the city for you: its place and words, encrypted"),
        gettext_noop("To tell you its number when you call again, and to file nothing twice."),
        ("city_requests",),
        kept=lambda: filing.KEPT,
        forget=filing.forget_old,
    ),
    Kind(
        gettext_noop("That somebody called 311: why, which zone, when; a note for 30 days; nothing of who called"),
        gettext_noop("To count what people call about, and to warn when many do."),
        ("calls",),
        kept=lambda: call_log.CALLS_KEPT,
        forget=_forget_calls,
    ),
    Kind(
        gettext_noop("Words of a search for an answer that found none, without numbers; nothing of who searched"),
        gettext_noop("To write the answers that people miss."),
        ("answer_searches",),
        kept=lambda: answer_search.KEPT,
        forget=answer_search.forget_old,
    ),
    Kind(
        gettext_noop("What staff looked up or did for you, by number"),
        gettext_noop("So that nobody on the staff looks at your data without a trace."),
        ("audit",),
        until=gettext_noop("as long as the service runs"),
    ),
    Kind(
        gettext_noop("How often a phone, email or network asked for a code, as a code that nobody can read"),
        gettext_noop("To stop floods of messages and guessing of codes."),
        ("sign_in_tries",),
        kept=lambda: tries.FORGOTTEN_AFTER,
        forget=tries.forget_old,
    ),
    Kind(
        gettext_noop("That something of yours has changed, as a number"),
        gettext_noop("To keep counts of residents right while an alert is written."),
        ("resident_changes",),
        until=gettext_noop("for some minutes"),
    ),
)

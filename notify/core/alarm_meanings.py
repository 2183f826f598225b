"""What each kind of alarm means and what to do about it, for readers of another language than English.

An alarm is stored in English, for REST and the command line. Its own message has the details; docs/alarms.md says more.
"""

from notify.core import alarms, translation
from notify.core.translation import gettext, gettext_noop

MEANINGS = {
    alarms.UNSENT: gettext_noop("An alert ended before all of it was sent. If it still matters, send a new one."),
    alarms.NOTICE_OUTDATED: gettext_noop(
        "A notice of collections was stopped before everybody had it: the calendars have other days. Tell those."
    ),
    alarms.NOTICE_UNCHECKED: gettext_noop(
        "A notice of collections could not be compared with the newest calendars. It waits, and is tried every minute."
    ),
    alarms.REMINDERS_UNSENT: gettext_noop(
        "Reminders of collections waited until it was too late. Raise the rate of the sender, or find out why it stood."
    ),
    alarms.LAUNCHED_LATE: gettext_noop("An alert was launched late. Check that its text is still correct."),
    alarms.AUDIENCE_UNKNOWN: gettext_noop(
        "A minute after its launch, an alert's audience is not fully known. Check that a worker of its lane runs."
    ),
    alarms.LAUNCH_MISSED: gettext_noop(
        "An alert's time to launch has passed, and nothing was sent. Cancel it, and write it again if it is needed."
    ),
    alarms.OVERTAKEN: gettext_noop(
        "A scheduled alert was cancelled: a later alert has overtaken it. If it is still true, write it again."
    ),
    alarms.EXPIRES_SOON: gettext_noop(
        "An alert ends soon, and nothing follows it. Extend it by an update, or close it by an all-clear."
    ),
    alarms.DECISION_DUE: gettext_noop(
        "A request to warn was to be decided by now. Warn as a precaution, or decline it with a reason."
    ),
    alarms.NOT_APPROVED: gettext_noop("Nobody has approved an alert yet, although all were asked. Call somebody."),
    alarms.BROKE_GLASS: gettext_noop(
        "One person launched an emergency alone. Somebody else must write a review on its page."
    ),
    alarms.CHANNEL_SILENT: gettext_noop(
        "No provider has accepted an alert's messages on a channel. Its page says why and offers another way."
    ),
    alarms.LAUNCH_FAILED: gettext_noop("An alert could not be launched. It is tried again every minute."),
    alarms.EXPIRY_FAILED: gettext_noop("An alert could not be ended. It is tried again every minute."),
    alarms.FINISH_FAILED: gettext_noop("An alert could not be marked as sent. It is tried again every minute."),
    alarms.SENDER_STOPPED: gettext_noop("A sender is stopped. Mend the cause at the provider, then open it again."),
    alarms.EXERCISE_BARRED: gettext_noop(
        "Messages of an exercise were left out: they would have reached real people. Rehearse on a separate stack."
    ),
    alarms.CRY_FOR_HELP: gettext_noop(
        "A resident's text may be a call for help. The 311 desk reads it where the alarm says, and calls back or sends"
        " help."
    ),
    alarms.WEBHOOK_REFUSED: gettext_noop(
        "A provider's reports are refused for their signature: STOPs and receipts are lost. Correct the settings."
    ),
    alarms.WEBHOOK_UNREADABLE: gettext_noop(
        "Part of a provider's report cannot be read. Look there for complaints and opt-outs from that time."
    ),
    alarms.PROXY_NOT_TRUSTED: gettext_noop(
        "A machine forwards requests and is not in TOCSIN_TRUSTED_PROXIES. If it is your reverse proxy, add it there."
    ),
    alarms.PUBLIC_PAGE_OLD: gettext_noop(
        "A public page cannot be shown as it is now; residents see an older one. Read the log of the API."
    ),
    alarms.UNREADABLE_ROW: gettext_noop("A row of the database cannot be used; all others are. Correct it."),
    alarms.REFUSED_ROW: gettext_noop("PostgreSQL refuses to change a row; all others were changed. Correct it."),
    alarms.UNREADABLE_ADDRESS: gettext_noop(
        "A stored address cannot be read: it is damaged, or a worker has another secret key. Enter it again."
    ),
    alarms.UNREADABLE_ACCOUNT: gettext_noop(
        "Contacts or apps of operators cannot be read. They enter them again, or an admin resets the account."
    ),
    alarms.UNREADABLE_PLACE: gettext_noop(
        "Places of residents are damaged, so an alert for a small area does not find them. Enter them again."
    ),
    alarms.FEED_FAILS: gettext_noop(
        "What another agency says cannot be read: its newest warnings are missing. Correct the address of its feed."
    ),
    alarms.JOIN_BUDGET: gettext_noop(
        "The codes of today for residents who join are used up: nobody else can join until midnight. Is it a flood?"
    ),
    alarms.MANY_LOOKS: gettext_noop(
        "An agent of 311 looks up unusually many residents. The audit lists them: ask what for."
    ),
    alarms.NO_SCHEDULER: gettext_noop(
        "No scheduler runs: planned alerts do not start, and alerts do not end. Start one."
    ),
    alarms.JOB_FAILS: gettext_noop("A timed job does not succeed. Mend what the alarm names."),
    **dict.fromkeys(alarms.NO_WORKER.values(), gettext_noop("No worker serves a lane: its alerts wait. Start one.")),
}


def meaning(kind: str) -> str:
    """Return the sentences about a kind; "" for readers of English, who read the message."""
    return gettext(MEANINGS[kind]) if translation.language() != "en" and kind in MEANINGS else ""

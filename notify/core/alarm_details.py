"""What Tocsin has stored in English, for REST and the command line, in the reader's language: the messages of alarms,
and why a sender is stopped."""

from notify.core import reasons
from notify.core.restated import Sentences
from notify.core.translation import gettext_noop

SENTENCES = Sentences(
    gettext_noop(
        "%(email)s looks up or stops more residents than a desk is called by. The audit lists them: ask what for."
    ),
    gettext_noop(
        "The public page %(page)s cannot be rendered any more. Residents see it as it was before the last change, with"
        " a sentence that it may be old. The log of the API says why."
    ),
    gettext_noop("Alert %(alert)s is not signed, because its row cannot be used: %(why)s."),
    gettext_noop("Alert %(alert)s is missing from the archive, because its row cannot be used: %(why)s."),
    gettext_noop("Sender %(sender)s is stopped: %(why)s"),
    gettext_noop("%(provider)s refuses it: %(why)s"),
    gettext_noop("Alert %(alert)s was launched %(minutes)s late."),
    gettext_noop("Alert %(alert)s (%(event)s) has expired unsent: it was %(state)s."),
    gettext_noop(
        "Alert %(alert)s (%(event)s) has expired before its audience was known: not everybody was written to."
    ),
    gettext_noop("Alert %(alert)s (%(event)s) has expired with up to %(messages)s unsent."),
    gettext_noop("%(count)s minutes"),
    gettext_noop("1 minute"),
    gettext_noop("%(count)s messages"),
    gettext_noop("1 message"),
    gettext_noop("%(count)s residents"),
    gettext_noop("1 resident"),
    gettext_noop("Alert %(alert)s waits for approval. Everybody was asked, and nobody has answered for %(minutes)s."),
    gettext_noop("%(email)s has launched alert %(alert)s (%(event)s) alone: %(why)s Another person must review it."),
    gettext_noop(
        "Alert %(alert)s (%(event)s, %(area)s) was launched at %(at)s, and no provider has accepted any of "
        "its %(channels)s since. Its page says why, and offers another way: %(page)s."
    ),
    gettext_noop("No worker serves the emergency lane: none of its messages are sent. %(start)s"),
    gettext_noop("No worker serves the routine lane: none of its messages are sent. %(start)s"),
    gettext_noop(
        "Alert %(alert)s (%(event)s) was to be launched at %(at)s, and nobody launched it: nothing was sent. %(then)s"
    ),
    gettext_noop(
        "Alert %(alert)s (%(event)s) was to be launched at %(at)s, and nobody approved it: nothing was sent. %(then)s"
    ),
    gettext_noop("Cancel it, and write it again if it is still to be sent."),
    gettext_noop("It was restored from a backup: docs/restore.md says what to do."),
    gettext_noop(
        "Alert %(alert)s was launched more than a minute ago, and its audience is still not fully known. %(then)s"
    ),
    gettext_noop(
        "`tocsin alert show %(alert)s` shows whether there is progress. If not, check that a worker of its "
        "lane runs, and read its log."
    ),
    gettext_noop(
        "Alert %(alert)s (%(event)s, %(area)s) ends at %(at)s, and nothing follows it. Extend it by an "
        "update, or close it by an all-clear: %(page)s."
    ),
    gettext_noop(
        "Alert %(alert)s (%(event)s, %(area)s) promises residents news by %(at)s, and nothing follows it. "
        "Extend it by an update, or close it by an all-clear: %(page)s."
    ),
    gettext_noop(
        "Request to warn %(request)s was to be decided by %(at)s. Warn now, as a precaution, or decline it: %(page)s."
    ),
    gettext_noop(
        "The timed job %(job)s does not succeed: it hangs, or its runs take too long. `tocsin jobs` shows since when."
    ),
    gettext_noop(
        "Residents have asked for %(codes)s codes today, all that TOCSIN_JOIN_CODES_PER_DAY allows. Nobody else can "
        "join until midnight."
    ),
    gettext_noop("The timed job %(job)s does not succeed: %(why)s `tocsin jobs` shows since when."),
    gettext_noop(
        "No scheduler runs the timed jobs: scheduled alerts are not launched, lost work is not resumed, and "
        "no alert ends. %(start)s"
    ),
    gettext_noop(
        "A text to us may be a cry for help. It was answered with 911; nobody has read it. Whoever is at the 311 desk:"
        " find it now by its id in the message log of %(provider)s, and call its number back or send help. Its id:"
        " %(reference)s."
    ),
    gettext_noop(
        "A text to us may be a cry for help. It was answered with 911; nobody has read it. The phone is simulated: read"
        " it at %(phones)s. If it were real, whoever is at the 311 desk would call it back or send help. Its id:"
        " %(reference)s."
    ),
    gettext_noop(
        "The rest of alert %(alert)s is not sent: its status is %(status)s, and the senders write to real "
        "people. %(then)s"
    ),
    gettext_noop("Rehearse on a separate stack with `tocsin up --demo`, where all providers are simulators."),
    gettext_noop("The addresses of some contacts cannot be decrypted (%(ids)s). Enter them again."),
    gettext_noop(
        "A worker on %(host)s cannot decrypt any address: its TOCSIN_SECRET_KEY is not the key that encrypted"
        " them. Set it to the key of the other hosts, and restart the worker."
    ),
    gettext_noop(
        "Places of %(residents)s cannot be decrypted and are left out of alerts (%(ids)s). Enter these places again."
    ),
    gettext_noop(
        "Stored addresses of residents are damaged and were left out of an export (%(ids)s). Enter them again."
    ),
    gettext_noop("Places of residents are damaged and were left out of an export (%(ids)s). Enter them again."),
    gettext_noop("The areas of zones cannot be read: %(zones)s. No alert can be sent there; import them again."),
    gettext_noop(
        "PostgreSQL refuses to %(act)s (%(why)s). All other rows were changed; docs/alarms.md says what to do."
    ),
    gettext_noop("Alert %(alert)s could not be moved to its next state on time: %(why)s"),
    gettext_noop("%(error)s. The log says more."),
    gettext_noop("Alert %(alert)s cannot be read: a time in its row is out of range. Correct it in the database."),
    gettext_noop(
        "Webhooks of %(provider)s are refused because of their signature: every STOP and receipt is lost. "
        "TOCSIN_PUBLIC_URL is %(url)s; it must be the address that %(calls)s calls, and the token or key must"
        " be the provider's."
    ),
    gettext_noop(
        "%(provider)s sent %(items)s that cannot be read and were set aside. The first: %(reason)s Check the "
        "provider for complaints and opt-outs."
    ),
    gettext_noop("%(count)s items"),
    gettext_noop("1 item"),
    gettext_noop(
        "Requests come through %(host)s, which is not in TOCSIN_TRUSTED_PROXIES, so all clients behind it "
        "share one rate limit. If it is your reverse proxy, add it there and restart the API."
    ),
    gettext_noop(
        "%(places)s cannot be found by an alert for a small area (residents %(ids)s). Enter the damaged places again."
    ),
    gettext_noop("%(count)s damaged places"),
    gettext_noop("1 damaged place"),
    gettext_noop(
        "The stored addresses of some contacts cannot be opened with either key of the rotation (%(ids)s) and"
        " stay as they are. %(then)s"
    ),
    gettext_noop(
        "Some places of residents cannot be opened with either key of the rotation (%(ids)s) and stay as they"
        " are. %(then)s"
    ),
    gettext_noop(
        "Contacts of some operators cannot be opened with either key of the rotation (%(ids)s) and stay as "
        "they are. %(then)s"
    ),
    gettext_noop(
        "The apps of some operators cannot be opened with either key of the rotation (%(ids)s) and stay as "
        "they are. %(then)s"
    ),
    gettext_noop("Enter them again; docs/keys.md says how."),
    gettext_noop("Reset the accounts."),
    gettext_noop("carriers filtered %(filtered)s of %(ended)s recent messages of alert %(alert)s as spam"),
    gettext_noop("Start one: `tocsin scheduler`. If one is running, its log says what it waits for."),
    gettext_noop(
        "Start one: `tocsin worker --lane %(lane)s`. If one is running, its log says whether it reaches "
        "PostgreSQL and Redis."
    ),
    otherwise=reasons.restated,
)


def said(message: str) -> str:
    """Return a message in the reader's language; one of a form that is not known as it is."""
    return SENTENCES.said(message)

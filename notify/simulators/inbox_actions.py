"""The actions of a resident on a mail: unsubscribe by one click, or report it as spam."""

from dataclasses import dataclass

from notify.simulators.mails import SUPPRESSING, Mail
from notify.simulators.sendgrid_events import EventWebhook
from notify.simulators.world import World

ONE_CLICK = b"List-Unsubscribe=One-Click"  # RFC 8058, section 3.2


@dataclass(frozen=True, slots=True)
class Clicked:
    webhook_status: int  # 0: no answer, or nothing was called
    problem: str  # "" if there was none


async def unsubscribe(world: World, mail: Mail) -> Clicked:
    """Do what a mail program's Unsubscribe button does: one POST without cookies or redirects."""
    url = mail.one_click_url()
    if not url:
        return Clicked(0, "This mail offers no one-click unsubscribe (RFC 8058).")
    answer = await world.courier.ask(url, ONE_CLICK, {"Content-Type": "application/x-www-form-urlencoded"})
    if not 200 <= answer.status < 300:
        problem = (
            f"The address answered {answer.status}." if answer.status else f"Nothing answers there ({answer.text})."
        )
        return Clicked(answer.status, problem)
    mail.marks.append("unsubscribed")
    world.touch()
    return Clicked(answer.status, "")


def report_spam(world: World, events: EventWebhook, mail: Mail) -> Clicked:
    """Report a mail as spam. SendGrid suppresses the address and sends a spamreport event."""
    mail.marks.append("reported as spam")
    world.inboxes.inbox(mail.to).suppressed = SUPPRESSING["spamreport"]
    world.touch()
    events.tell(mail, "spamreport")
    return Clicked(0, "")

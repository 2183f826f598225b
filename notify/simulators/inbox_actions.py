"""What a resident can do with a mail: unsubscribe by one click, or report it as spam."""

from dataclasses import dataclass

from notify.simulators.mails import SUPPRESSING, Mail
from notify.simulators.sendgrid_events import EventWebhook
from notify.simulators.world import World

ONE_CLICK = b"List-Unsubscribe=One-Click"  # RFC 8058, section 3.2


@dataclass(frozen=True, slots=True)
class Clicked:
    webhook_status: int  # 0: nobody answered, or nobody was asked
    problem: str  # "" when all is well


async def unsubscribe(world: World, mail: Mail) -> Clicked:
    """What the mail program does behind its own Unsubscribe button: one POST, no cookies, no redirects."""
    url = mail.one_click_url()
    if not url:
        return Clicked(0, "This mail offers no one-click unsubscribe (RFC 8058).")
    answer = await world.courier.ask(url, ONE_CLICK, {"Content-Type": "application/x-www-form-urlencoded"})
    if not 200 <= answer.status < 300:
        problem = (
            f"The address answered {answer.status}." if answer.status else f"Nobody answers there ({answer.text})."
        )
        return Clicked(answer.status, problem)
    mail.marks.append("unsubscribed")
    world.touch()
    return Clicked(answer.status, "")


def report_spam(world: World, events: EventWebhook, mail: Mail) -> Clicked:
    """SendGrid hears of it from the mailbox provider, tells us, and writes there no more."""
    mail.marks.append("reported as spam")
    world.inboxes.inbox(mail.to).suppressed = SUPPRESSING["spamreport"]
    world.touch()
    events.tell(mail, "spamreport")
    return Clicked(0, "")

"""The timed jobs: what each one does, and when."""

from dataclasses import dataclass
from datetime import time


@dataclass(frozen=True, slots=True)
class Every:
    """Run `seconds` after the start of the last run, or at once when that run took longer."""

    seconds: float

    def __str__(self) -> str:
        return f"every {self.seconds:g} s"


@dataclass(frozen=True, slots=True)
class Daily:
    """Run at a local time of the city. Avoid 01:00 to 03:00, which may occur twice or not at all."""

    at: time

    def __str__(self) -> str:
        return f"daily at {self.at:%H:%M}"


@dataclass(frozen=True, slots=True)
class Job:
    """A timed job. An alarm rings when it has not succeeded `patience_s` seconds after it should have."""

    name: str
    does: str
    when: Every | Daily
    patience_s: float = 60.0


JOBS = (
    Job("launch", "Launch alerts that are due, and expire those whose time is over.", Every(1)),
    # One run may have to stop a million messages.
    Job("notices", "Stop what newer calendars made untrue of notices that are out.", Every(1), patience_s=900),
    Job("approvals", "Ask the next people to approve what waits, and write to operators.", Every(2)),
    Job("joining", "Write to residents who join: their codes, and first words.", Every(1)),
    Job("arrivals", "Send the alerts in force to who has just joined or added a place.", Every(1)),
    Job("questions", "Send residents what they are asked, by day.", Every(1), patience_s=300),
    # One run may have to write for everybody who wants a reminder at one hour.
    Job("reminders", "Write the reminders of tomorrow's collections whose hour has come.", Every(5), patience_s=900),
    Job("reminded", "Send the reminders of collections.", Every(1), patience_s=300),
    Job("import_asks", "Ask contacts of an import without a consent, by day.", Every(30), patience_s=1800),
    Job("sweep", "Resume lost batches, doorbells and unknown outcomes; finish alerts.", Every(1)),
    # One run may have to release a million deliveries.
    Job("release", "Send what quiet hours held back, once they are over.", Every(2), patience_s=900),
    # One run may have to close a million deliveries.
    Job(
        "end_leftovers",
        "Close what is queued or held of cancelled and expired alerts.",
        Every(1),
        patience_s=900,
    ),
    # A run continues until all receipts are applied.
    Job("receipts", "Apply providers' receipts for messages.", Every(0.5), patience_s=300),
    Job("forget_changes", "Delete changes of residents that every live count has seen.", Every(60), patience_s=600),
    Job("check_places", "Look for damaged places of residents, which alerts would miss.", Every(3600), patience_s=1800),
    # Eight feeds are read at once, and each may take most of a minute.
    Job("outside", "Read what other agencies say now, if the settings name their feeds.", Every(60), patience_s=1800),
    Job("call_spikes", "Propose notices about what more people call about than usual.", Every(60), patience_s=600),
    Job("address_checks", "Ask residents once a year whether they still live there.", Daily(time(10, 30)), 1800),
    Job("retention", "Delete ended sessions, old heartbeats and old working drafts.", Daily(time(3, 30)), 1800),
    Job("seal_audit", "Seal new rows of the audit, so that a later change is noticed.", Every(1), patience_s=300),
    Job("sign", "Sign launched alerts, so that a copy can be checked.", Every(1), patience_s=300),
    Job("watch", "Ring alarms for what goes wrong, and ask about alerts that end.", Every(10)),
)

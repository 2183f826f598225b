"""The timed jobs: what each of them does, and when."""

from dataclasses import dataclass
from datetime import time


@dataclass(frozen=True, slots=True)
class Every:
    """So many seconds after the last run began; at once when that took longer."""

    seconds: float

    def __str__(self) -> str:
        return f"every {self.seconds:g} s"


@dataclass(frozen=True, slots=True)
class Daily:
    """At a time of the city's clocks. Not between 01:00 and 03:00, which may come twice or not at all."""

    at: time

    def __str__(self) -> str:
        return f"daily at {self.at:%H:%M}"


@dataclass(frozen=True, slots=True)
class Job:
    """`patience_s`: when it has not succeeded for so long after it should have, an alarm rings."""

    name: str
    does: str
    when: Every | Daily
    patience_s: float = 60.0


JOBS = (
    Job("launch", "Launch alerts that are due, expire those that are over.", Every(1)),
    Job("sweep", "Take up lost batches, doorbells and unknown outcomes; finish alerts.", Every(1)),
    # It may have a million deliveries to close, in one run.
    Job("end_leftovers", "Close what is queued of cancelled and expired alerts.", Every(1), patience_s=900),
    # One run lasts for as long as there are thousands of them.
    Job("receipts", "Apply what providers tell about messages.", Every(0.5), patience_s=300),
    Job("forget_changes", "Forget changes of residents that every live count has seen.", Every(60), patience_s=600),
    Job("check_places", "Look for places of residents that no alert would find.", Every(3600), patience_s=1800),
    Job("retention", "Delete what is kept for a while only: ended sessions, old heartbeats.", Daily(time(3, 30)), 1800),
    Job("watch", "Ring alarms: no worker, a launch that was missed, an unknown audience, failing jobs.", Every(10)),
)

"""What is kept, one file per aggregate. The constraints stand in `migrations/`; a test compares the two."""

from notify.models.alarm import Alarm
from notify.models.alert import Alert, AlertZone, Incident, StoredContent
from notify.models.audit import Audit
from notify.models.base import Base, Lane, Topic
from notify.models.delivery import Batch, Delivery, StoredReceipt
from notify.models.operator import ApiKey, Operator
from notify.models.prediction import Prediction
from notify.models.sender import Sender
from notify.models.subscriber import (
    Consent,
    Contact,
    Place,
    Preference,
    StoredInbound,
    Subscriber,
    Suppression,
)
from notify.models.zone import Zone, ZoneVersion

__all__ = [
    "Alarm",
    "Alert",
    "AlertZone",
    "ApiKey",
    "Audit",
    "Base",
    "Batch",
    "Consent",
    "Contact",
    "Delivery",
    "Incident",
    "Lane",
    "Operator",
    "Place",
    "Prediction",
    "Preference",
    "Sender",
    "StoredContent",
    "StoredInbound",
    "StoredReceipt",
    "Subscriber",
    "Suppression",
    "Topic",
    "Zone",
    "ZoneVersion",
]

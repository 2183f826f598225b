"""The tables, one file per aggregate. `migrations/` creates them, with their constraints; a test compares the two."""

from notify.models.address import AddressPoint, Landmark
from notify.models.alarm import Alarm
from notify.models.alert import (
    Alert,
    AlertZone,
    Incident,
    LintAcknowledgement,
    StoredContent,
    StoredWording,
    WordingPart,
)
from notify.models.answer import Answer, AnswerSearch
from notify.models.arrival import Arrival, PlaceCheck
from notify.models.audit import Audit, AuditSeal
from notify.models.base import Base, Lane, Topic
from notify.models.call import Call, CallReason, CallSpike
from notify.models.channel_policy import ChannelPolicy
from notify.models.city_request import CityRequest
from notify.models.collection import (
    CollectionEdition,
    CollectionFeed,
    CollectionNotice,
    CollectionRule,
    CollectionSchedule,
    CollectionTicket,
)
from notify.models.conversation import AddressCheck, Conversation
from notify.models.delivery import Batch, CarrierRefusal, Delivery, Merged, StoredReceipt
from notify.models.drill import Drill
from notify.models.incident import IncidentClaim, IncidentNote, WarnRequest
from notify.models.job import Heartbeat, JobRow
from notify.models.joining import Joining
from notify.models.key_ring import KeyRing
from notify.models.operator import ApiKey, IdempotencyKey, Operator, OperatorLimit
from notify.models.outage import Outage, OutageStep
from notify.models.outage_report import OutageReport
from notify.models.outside import OutsideFeed, OutsideWarning
from notify.models.prediction import Prediction
from notify.models.reminder import Reminder, ReminderWish
from notify.models.roster import BreakGlass, DirectMessage, Duty, OperatorContact, SealedWords
from notify.models.sender import CarrierBlock, Sender
from notify.models.session import (
    Credential,
    KnownDevice,
    Passkey,
    PasskeyChallenge,
    RecoveryCode,
    SignIn,
    SignInLink,
    SignInTries,
)
from notify.models.signing import SigningKey, Statement
from notify.models.snow import SnowEmergency, SnowRoute
from notify.models.standing import Standing
from notify.models.street import MapFeature, Street
from notify.models.subscriber import (
    AddressLedger,
    Choices,
    Consent,
    Contact,
    ImportAsk,
    Place,
    Preference,
    ResidentChange,
    StoredInbound,
    Subscriber,
    Suppression,
)
from notify.models.words import WordVersion
from notify.models.working_draft import SetAside, WorkingDraft
from notify.models.zone import Zone, ZonePopulation, ZoneVersion

__all__ = [
    "AddressCheck",
    "AddressLedger",
    "AddressPoint",
    "Alarm",
    "Alert",
    "AlertZone",
    "Answer",
    "AnswerSearch",
    "ApiKey",
    "Arrival",
    "Audit",
    "AuditSeal",
    "Base",
    "Batch",
    "BreakGlass",
    "Call",
    "CallReason",
    "CallSpike",
    "CarrierBlock",
    "CarrierRefusal",
    "ChannelPolicy",
    "Choices",
    "CityRequest",
    "CollectionEdition",
    "CollectionFeed",
    "CollectionNotice",
    "CollectionRule",
    "CollectionSchedule",
    "CollectionTicket",
    "Consent",
    "Contact",
    "Conversation",
    "Credential",
    "Delivery",
    "DirectMessage",
    "Drill",
    "Duty",
    "Heartbeat",
    "IdempotencyKey",
    "ImportAsk",
    "Incident",
    "IncidentClaim",
    "IncidentNote",
    "JobRow",
    "Joining",
    "KeyRing",
    "KnownDevice",
    "Landmark",
    "Lane",
    "LintAcknowledgement",
    "MapFeature",
    "Merged",
    "Operator",
    "OperatorContact",
    "OperatorLimit",
    "Outage",
    "OutageReport",
    "OutageStep",
    "OutsideFeed",
    "OutsideWarning",
    "Passkey",
    "PasskeyChallenge",
    "Place",
    "PlaceCheck",
    "Prediction",
    "Preference",
    "RecoveryCode",
    "Reminder",
    "ReminderWish",
    "ResidentChange",
    "SealedWords",
    "Sender",
    "SetAside",
    "SignIn",
    "SignInLink",
    "SignInTries",
    "SigningKey",
    "SnowEmergency",
    "SnowRoute",
    "Standing",
    "Statement",
    "StoredContent",
    "StoredInbound",
    "StoredReceipt",
    "StoredWording",
    "Street",
    "Subscriber",
    "Suppression",
    "Topic",
    "WarnRequest",
    "WordVersion",
    "WordingPart",
    "WorkingDraft",
    "Zone",
    "ZonePopulation",
    "ZoneVersion",
]

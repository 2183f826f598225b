"""`/api/v1/residents`: look up and change a resident who calls. Addresses are sent in bodies, so that they appear in no
URL and no log (law 9)."""

from dataclasses import asdict
from datetime import UTC, datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.ids import Id
from api.openapi import problems
from notify.alerts.reporting import message_ledger
from notify.core.db import transaction
from notify.models import Topic
from notify.models.subscriber import SuppressionReason
from notify.subscribers import changing, ledger, record, serving
from notify.subscribers.rows import LONGEST_ADDRESS, LONGEST_LABEL

router = APIRouter(prefix="/api/v1/residents", tags=["subscribers"])


class Address(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"address": "+12155550100"}})

    address: str = Field(max_length=320, description="A phone number or an email.")


class Request(Address):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"address": "+12155550100", "how": "call to 311"}}
    )

    how: str = Field(min_length=1, max_length=serving.LONGEST_HOW, description="How the resident asked, as proof.")
    topic: Topic | None = Field(None, description="Null: everything.")


class Lift(Request):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"address": "+12155550100", "reason": "invalid", "how": "call to 311"}},
    )

    reason: SuppressionReason


class RemovePlace(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"place": "work"}})

    place: str = Field(min_length=1, max_length=LONGEST_LABEL, description="Its label or its id.")


class Where(BaseModel):
    """`address`, or `lon` and `lat`."""

    address: str = Field("", max_length=LONGEST_ADDRESS, description="A street address that is found with certainty.")
    lon: float | None = Field(None, ge=-180, le=180, description="Degrees, WGS 84.")
    lat: float | None = Field(None, ge=-90, le=90, description="Degrees, WGS 84.")
    outside: bool = Field(False, description="Confirms that the place is far from the city.")

    def given(self) -> changing.Where:
        return changing.Where(self.address, self.lon, self.lat, self.outside)


class AddPlace(Where):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"label": "work", "address": "1234 Market Street"}}
    )

    label: str = Field(min_length=1, max_length=LONGEST_LABEL)


class Move(Where):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"place": "home", "address": "1234 Market Street"}}
    )

    place: str = Field(min_length=1, max_length=LONGEST_LABEL, description="Its label or its id.")
    label: str = Field("", max_length=LONGEST_LABEL, description="The new label; empty: unchanged.")


class Correct(Address):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"address": "+12155550101", "how": "call to 311"}}
    )

    how: str = Field(min_length=1, max_length=serving.LONGEST_HOW, description="How they asked, as proof of consent.")
    contact: Id | None = Field(None, description="The contact to replace, if there are several.")


class Done(BaseModel):
    done: bool = Field(description="False: nothing had to be changed.")
    to_do: str = Field("", description="What you should check next.")


class Person(BaseModel):
    """The record of a resident, with masked addresses."""

    resident: record.ResidentRecord | None = Field(description="Null: no resident has the address.")
    suppressions: list[record.Suppressed] = Field(description="Of the address given.")


@router.post("/find", summary="Who has a phone or an email", responses=problems())
def find(asked: Address, caller: Reader) -> Person:
    """Needs the role agent or admin, as all of these do. The audit log records who looked."""
    with transaction() as s:
        return Person.model_validate(asdict(serving.find(s, asked.address, datetime.now(UTC), caller.acting)))


@router.post("/ledger", summary="What was agreed to, suppressed and lifted for an address", responses=problems())
def show_ledger(asked: Address, caller: Reader) -> list[ledger.Entry]:
    """The oldest entry first. It answers for an address that nobody has any more, too; the audit records who looked."""
    with transaction() as s:
        return list(ledger.of_address(s, asked.address, datetime.now(UTC), caller.acting))


@router.post("/opt-out", summary="Opt an address out", responses=problems())
def opt_out(asked: Request, caller: Reader) -> Done:
    """Works like a STOP, at the resident's request. The address need not belong to a resident."""
    with transaction() as s:
        done = serving.opt_out(s, asked.address, asked.how, datetime.now(UTC), caller.acting, asked.topic)
        to_do = "" if serving.is_known(s, asked.address) else "No resident has this address: is it spelled right?"
        return Done(done=done, to_do=to_do)


@router.post("/lift", summary="Lift a suppression", responses=problems(409))
def lift(asked: Lift, caller: Reader) -> Done:
    """Lift an opt-out only at the resident's own request. 409: there is no such suppression."""
    with transaction() as s:
        now = datetime.now(UTC)
        to_do = serving.lift(s, asked.address, asked.reason, asked.how, now, caller.acting, asked.topic)
        return Done(done=True, to_do=to_do)


@router.get("/{resident_id}", summary="One resident", responses=problems(404))
def show(resident_id: Id, caller: Reader) -> Person:
    with transaction() as s:
        return Person.model_validate(asdict(serving.show(s, resident_id, datetime.now(UTC), caller.acting)))


@router.get("/{resident_id}/messages", summary="What was sent to a resident this month", responses=problems(404))
def show_messages(resident_id: Id, caller: Reader) -> message_ledger.Month:
    """Sent, held, merged, left out and failed, and why: by message and by day. The audit records who looked."""
    with transaction() as s:
        return message_ledger.of_resident(s, resident_id, datetime.now(UTC), caller.acting)


@router.post("/{resident_id}/erase", summary="Erase a resident", responses=problems(404, 409))
def erase(resident_id: Id, caller: Reader) -> Done:
    """Addresses, places and topics are deleted for good; a STOP stays. 409: the resident is already erased."""
    with transaction() as s:
        serving.erase(s, resident_id, datetime.now(UTC), caller.acting)
        return Done(done=True)


@router.post("/{resident_id}/move", summary="Move a place", responses=problems(404, 409))
def move(resident_id: Id, asked: Move, caller: Reader) -> Done:
    """409: it is far from the city without `outside`, another place is there, or the resident is erased."""
    with transaction() as s:
        changing.move(s, resident_id, asked.place, asked.given(), datetime.now(UTC), caller.acting, asked.label)
        return Done(done=True)


@router.post("/{resident_id}/add-place", summary="Add a place", responses=problems(404, 409))
def add_place(resident_id: Id, asked: AddPlace, caller: Reader) -> Done:
    """409: as for `move`, or the resident already has a place with this label."""
    with transaction() as s:
        changing.add_place(s, resident_id, asked.label, asked.given(), datetime.now(UTC), caller.acting)
        return Done(done=True)


@router.post("/{resident_id}/remove-place", summary="Remove a place", responses=problems(404, 409))
def remove_place(resident_id: Id, asked: RemovePlace, caller: Reader) -> Done:
    """Alerts for areas with only this place in them no longer reach the resident; without any place only alerts for the
    whole city do. 409: the resident is erased."""
    with transaction() as s:
        to_do = changing.remove_place(s, resident_id, asked.place, datetime.now(UTC), caller.acting)
        return Done(done=True, to_do=to_do)


@router.post("/{resident_id}/correct", summary="Correct a phone or an email", responses=problems(404, 409))
def correct(resident_id: Id, asked: Correct, caller: Reader) -> Done:
    """Messages go to the new address from now on. A STOP from either stays in force. 409: another resident has the
    address, or the resident is erased."""
    with transaction() as s:
        now = datetime.now(UTC)
        to_do = changing.correct(s, resident_id, asked.address, asked.how, now, caller.acting, asked.contact)
        return Done(done=True, to_do=to_do)

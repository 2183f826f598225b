"""`/api/v1/addresses`: find addresses. They are sent in bodies, so that they appear in no URL and no log."""

from dataclasses import asdict

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.openapi import problems
from notify.city import geocoder
from notify.city.geocoder.finding import LONGEST
from notify.city.geocoder.outside import look_up
from notify.core.db import transaction
from notify.core.settings import settings

OR_CLICK = "Or click on the map."

router = APIRouter(prefix="/api/v1/addresses", tags=["addresses"])


class AddressText(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"text": "1234 n broad st apt 5"}})

    text: str = Field(max_length=LONGEST, description="As somebody wrote it: an address, a crossing, a landmark.")


class MatchOut(BaseModel):
    """A place, in WGS 84."""

    label: str
    kind: geocoder.Kind = Field(
        description="point: the house itself; range: between the numbers of its block; street: somewhere on it."
    )
    lon: float
    lat: float
    score: float = Field(description="How well it fits the text, from 0 to 1.")
    street: str
    number: str
    by: str = Field(description="`city`, or the outside geocoder that found it.")


class FoundOut(BaseModel):
    """Places, likeliest first."""

    matches: list[MatchOut]
    ambiguous: bool = Field(description="Another match is about as likely as the first.")
    certain: bool = Field(description="The first match needs no confirmation.")
    message: str = Field(description="What the person who typed it should do next; empty if nothing.")


class SuggestionsOut(BaseModel):
    matches: list[MatchOut]


@router.post("/find", summary="Where an address is", responses=problems(413, 422))
def find(body: AddressText, caller: Reader) -> FoundOut:
    """Tolerates misspellings. If nothing is found, `message` says so, and a form should offer a click on the map."""
    found = look_up(body.text, settings())
    message = f"{found.message} {OR_CLICK}" if found.message else ""
    return FoundOut.model_validate(asdict(found) | {"message": message})


@router.post("/suggest", summary="Complete an address that is being typed", responses=problems(413, 422))
def suggest(body: AddressText, caller: Reader) -> SuggestionsOut:
    with transaction() as s:
        found = geocoder.suggest(s, body.text)
    return SuggestionsOut.model_validate({"matches": [asdict(match) for match in found]})

"""The city's zones: a list, a page for each with its versions, retiring one, and importing a file of them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from api import uploads
from api.auth import Caller, Viewer
from api.errors import Told, tell
from api.ids import Id
from api.rendering import page
from notify.accounts import operators
from notify.alerts.readiness import zone_tests
from notify.city import zone_import
from notify.city import zones as city_zones
from notify.city.outline import outline
from notify.city.zone_import import Accepted, Report
from notify.city.zones import KeptZone
from notify.core.db import transaction
from notify.core.errors import Invalid, Refused, TocsinError
from notify.core.translation import gettext as _
from zones import gate
from zones.errors import ZoneError
from zones.files.zonefile import Options

router = APIRouter(prefix="/console/zones", include_in_schema=False)


@router.get("")
def list_zones(request: Request, caller: Viewer, find: str = "", kind: str = "") -> Response:
    """The zones whose names contain `find`; retired ones last."""
    wanted, kind = find[:200].strip(), kind if kind in city_zones.KINDS else ""
    with transaction() as s:
        every = city_zones.all_zones(s, kind or None, retired=True)
        tests = zone_tests.last(s)
    found = [kept for kept in every if wanted.casefold() in kept.zone.name.casefold()]
    found.sort(key=lambda kept: kept.zone.retired_at is not None)
    return page(
        request,
        "console/zones.html",
        caller=caller,
        zones=found,
        tests=tests,
        now=datetime.now(UTC),
        find=wanted,
        kind=kind,
        kinds=city_zones.KINDS,
        may_change=_may_change(caller),
    )


@router.get("/import")
def ask_for_file(request: Request, caller: Viewer) -> Response:
    operators.require(caller.acting, "administer")
    return _import_page(request, caller)


@router.post("/import")
def import_file(
    request: Request,
    caller: Viewer,
    file: Annotated[UploadFile, File()],
    kind: Annotated[str, Form(max_length=30)] = "",
    name_field: Annotated[str, Form(max_length=200)] = "",
    others: Annotated[str, Form(max_length=30)] = "edition",
    accept_warnings: Annotated[str, Form(max_length=10)] = "",
    accept_repairs: Annotated[str, Form(max_length=10)] = "",
    act: Annotated[str, Form(max_length=10)] = "check",
) -> Response:
    """Import a file, or with `act=check` only report what the import would do."""
    by, told, report = caller.acting, None, None
    try:
        operators.require(by, "administer")
        if not file.filename:
            raise Invalid(_("No file was chosen."), hint=_("Choose a file, then check it."))
        if others not in zone_import.OTHERS:
            raise Invalid(
                _("%(others)s is not a valid choice.", others=repr(others)),
                hint=_("Choose from: %(choices)s.", choices=", ".join(zone_import.OTHERS)),
            )
        found = uploads.read_zones(file, Options(name_field=name_field.strip() or None))
        accepted = Accepted(repairs=bool(accept_repairs), warnings=bool(accept_warnings))
        take = partial(zone_import.take, kind=kind, found=found, source=uploads.source_of(file), by=by)
        take = partial(take, now=datetime.now(UTC), others=others, accepted=accepted)
        with transaction() as s:
            report = take(s, dry_run=True)
            if act == "import" and not report.needs:
                report = take(s)
    except (TocsinError, ZoneError) as error:
        told = _with_options(tell(error))
    filled = {"kind": kind, "name_field": name_field, "others": others}
    return _import_page(request, caller, told, report, filled)


@router.get("/{zone_id}")
def show_zone(zone_id: Id, request: Request, caller: Viewer) -> Response:
    return _zone_page(request, caller, zone_id)


@router.post("/{zone_id}/owner")
def set_owner(
    zone_id: Id, request: Request, caller: Viewer, owner: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    try:
        with transaction() as s:
            city_zones.set_owner(s, zone_id, owner, datetime.now(UTC), caller.acting)
    except TocsinError as error:
        return _zone_page(request, caller, zone_id, tell(error))
    return RedirectResponse(f"/console/zones/{zone_id}", 303)


@router.post("/{zone_id}/retire")
def retire(zone_id: Id, request: Request, caller: Viewer, sure: Annotated[str, Form(max_length=10)] = "") -> Response:
    try:
        if not sure:
            raise Refused(_("Nothing was retired."), hint=_("Tick the box, then retire it."))
        with transaction() as s:
            city_zones.retire(s, zone_id, datetime.now(UTC), caller.acting)
    except TocsinError as error:
        return _zone_page(request, caller, zone_id, tell(error))
    return RedirectResponse(f"/console/zones/{zone_id}", 303)


def _zone_page(request: Request, caller: Caller, zone_id: int, told: Told | None = None) -> Response:
    with transaction() as s:
        zone = city_zones.of_id(s, zone_id)
        versions = city_zones.versions(s, zone_id)
        tested = zone_tests.last(s, zone_id).get(zone_id)
        readable = _readable(city_zones.all_zones(s, zone.kind))
        drawing = outline(versions[0].geometry, readable) if _readable([KeptZone(zone, versions[0])]) else None
    return page(
        request,
        "console/zone.html",
        caller=caller,
        zone=zone,
        versions=versions,
        tested=tested,
        now=datetime.now(UTC),
        drawing=drawing,
        may_change=_may_change(caller),
        told=told,
    )


def _import_page(
    request: Request,
    caller: Caller,
    told: Told | None = None,
    report: Report | None = None,
    filled: dict[str, str] | None = None,
) -> Response:
    return page(
        request,
        "console/zone_import.html",
        caller=caller,
        kinds=city_zones.KINDS,
        told=told,
        report=report,
        filled=filled or {"kind": "", "name_field": "", "others": "edition"},
    )


def _with_options(told: Told) -> Told:
    """Name the command whose options a hint has: this page has but a few of them."""
    if "--" not in told.hint:
        return told
    where = _("What begins with -- is an option of the command `tocsin zones import`.")
    return replace(told, hint="", errors=[*told.errors, f"{told.hint} {where}"])


def _readable(zones: Sequence[KeptZone]) -> list[KeptZone]:
    """Return the zones whose areas are not damaged."""
    _, rows = gate.readable_from_wkb(kept.version.geometry for kept in zones)
    return [zones[row] for row in rows.tolist()]


def _may_change(caller: Caller) -> bool:
    return caller.may("administer")

"""The timed jobs of `plan.py`, one file each. Every job may run twice, or on two hosts, without harm."""

from collections.abc import Callable, Mapping

from notify.operations.jobs import (
    address_checks,
    approvals,
    arrivals,
    call_spikes,
    check_places,
    end_leftovers,
    forget_changes,
    import_asks,
    joining,
    launch,
    outside,
    questions,
    receipts,
    release,
    retention,
    seal_audit,
    sign,
    sweep,
    watch,
)

RUN: Mapping[str, Callable[[], None]] = {
    "launch": launch.run,
    "address_checks": address_checks.run,
    "approvals": approvals.run,
    "joining": joining.run,
    "arrivals": arrivals.run,
    "call_spikes": call_spikes.run,
    "sweep": sweep.run,
    "release": release.run,
    "end_leftovers": end_leftovers.run,
    "questions": questions.run,
    "import_asks": import_asks.run,
    "receipts": receipts.run,
    "forget_changes": forget_changes.run,
    "check_places": check_places.run,
    "outside": outside.run,
    "seal_audit": seal_audit.run,
    "sign": sign.run,
    "retention": retention.run,
    "watch": watch.run,
}

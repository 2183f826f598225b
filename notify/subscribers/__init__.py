"""Residents: how they come in (`import_csv`), go out (`export_csv`), are counted, and say no and yes."""

from notify.subscribers.exporting import Counts, count, export_csv, note_export, sound_unreadable
from notify.subscribers.importing import ImportReport, import_csv
from notify.subscribers.meaning import Meaning, load_rules, read_meaning
from notify.subscribers.opting import (
    Unsubscribed,
    describe_unsubscribe,
    opt_back_in,
    opt_out,
    undo_unsubscribe,
    unsubscribe,
)
from notify.subscribers.records import COLUMNS
from notify.subscribers.replies import Reply, receive

__all__ = [
    "COLUMNS",
    "Counts",
    "ImportReport",
    "Meaning",
    "Reply",
    "Unsubscribed",
    "count",
    "describe_unsubscribe",
    "export_csv",
    "import_csv",
    "load_rules",
    "note_export",
    "opt_back_in",
    "opt_out",
    "read_meaning",
    "receive",
    "sound_unreadable",
    "undo_unsubscribe",
    "unsubscribe",
]

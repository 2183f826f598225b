"""Residents: how they come in (`import_csv`), go out (`export_csv`), are counted, and say yes and no."""

from notify.subscribers.consent import (
    Unsubscribed,
    describe_unsubscribe,
    opt_back_in,
    opt_out,
    undo_unsubscribe,
    unsubscribe,
)
from notify.subscribers.csv_records import COLUMNS
from notify.subscribers.exporting import Counts, count, export_csv, note_export, sound_unreadable
from notify.subscribers.importing import ImportReport, import_csv

__all__ = [
    "COLUMNS",
    "Counts",
    "ImportReport",
    "Unsubscribed",
    "count",
    "describe_unsubscribe",
    "export_csv",
    "import_csv",
    "note_export",
    "opt_back_in",
    "opt_out",
    "sound_unreadable",
    "undo_unsubscribe",
    "unsubscribe",
]

"""Residents: import, export, count, opt out and opt in.

`importing` reads a CSV file (`csv_records`, `rows`), decides whom each row is about (`identity`, `newcomers`), finds
the place of its address (`placing`) and stores it (`storing`); `rehearsal` is its dry run. `consent` handles opt-outs.
`serving` and `changing` are for operators who help a resident, and `record` is what they see.
"""

from notify.subscribers.consent import (
    Unsubscribed,
    describe_unsubscribe,
    opt_back_in,
    opt_out,
    undo_unsubscribe,
    unsubscribe,
)
from notify.subscribers.csv_records import COLUMNS
from notify.subscribers.exporting import Counts, count, count_unowned, export_csv, note_export, sound_unreadable
from notify.subscribers.importing import ImportReport, import_csv

__all__ = [
    "COLUMNS",
    "Counts",
    "ImportReport",
    "Unsubscribed",
    "count",
    "count_unowned",
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

"""How much a benchmark does."""

from enum import StrEnum


class Size(StrEnum):
    """`SMOKE` shows that everything runs, and its figures mean nothing; `USUAL` takes minutes; `FULL` takes an hour."""

    SMOKE = "smoke"
    USUAL = "usual"
    FULL = "full"

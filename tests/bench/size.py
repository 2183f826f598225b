"""The sizes of benchmarks."""

from enum import StrEnum


class Size(StrEnum):
    """`SMOKE` only checks that everything runs; its figures mean nothing. `USUAL` takes minutes, `FULL` an hour."""

    SMOKE = "smoke"
    USUAL = "usual"
    FULL = "full"

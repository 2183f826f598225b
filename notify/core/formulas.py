"""Cells of a CSV file that a spreadsheet would run as formulas."""

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")  # OWASP, "CSV Injection"; with its full-width forms
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def defused(cell: str) -> str:
    """Put an apostrophe before a cell that looks like a formula, so that a spreadsheet does not run it.

    Numbers, including phone numbers in E.164 and coordinates, stay as they are. `fused` is the inverse.
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def fused(cell: str) -> str:
    """Return the cell without the apostrophe of `defused`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell

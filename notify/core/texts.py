"""The texts for operators in `templates/<kind>/<language>.toml`, in the reader's language."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from notify.core import translation


def worded(folder: Path, language: str = "") -> Mapping[str, Any]:
    """Return the texts of a kind in a language, by default the reader's; in English where there are none."""
    return _read(folder, language or translation.language())


@cache
def _read(folder: Path, language: str) -> Mapping[str, Any]:
    path = folder / f"{language}.toml"
    return tomllib.loads((path if path.is_file() else folder / "en.toml").read_text(encoding="utf-8"))

"""Make PDFs from templates of Typst."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import typst


def compiled(template: Path, data: dict[str, Any], at: datetime) -> bytes:
    """Return a template filled with `data`, as a tagged PDF (PDF/UA-1). Words are data to the template, never its code.

    The same data at the same time `at` make the same file.
    """
    made = typst.compile(str(template), sys_inputs=inputs(data), format="pdf", pdf_standards="ua-1",
                         timestamp=at.replace(microsecond=0))  # fmt: skip
    assert isinstance(made, bytes)  # noqa: S101  typst returns bytes where it writes no file
    return made


def inputs(data: dict[str, Any]) -> dict[str, str]:
    return {"data": json.dumps(data, ensure_ascii=False)}

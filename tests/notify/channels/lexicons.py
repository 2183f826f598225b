"""Bluesky's own schemas and samples, from `shared/data/bluesky`. Where they are absent, the test skips."""

import json
from pathlib import Path
from typing import Any

import pytest

BLUESKY = Path(__file__).parents[3].parent / "shared" / "data" / "bluesky"


def lexicon(name: str, part: str) -> dict[str, Any]:
    """A JSON Schema of the `input`, the `output` or the `record` that a lexicon describes, or of the thing itself ("").

    What lies in other lexicons is left open.
    """
    defs = json.loads(_read(f"lexicons/{name}.json"))["defs"]
    described = defs["main"][part] if part else defs["main"]
    return _schema(described.get("schema", described), defs)


def samples(name: str) -> list[str]:
    """The lines of one of the files under `syntax`, without comments."""
    return [line for line in _read(f"syntax/{name}").splitlines() if line and not line.startswith("#")]


def _read(name: str) -> str:
    if not (BLUESKY / name).exists():
        pytest.skip("../shared/data is absent")
    return (BLUESKY / name).read_text()


def _schema(given: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    match given["type"]:
        case "object":
            properties = {name: _schema(one, defs) for name, one in given["properties"].items()}
            return {"type": "object", "required": given.get("required", []), "properties": properties}
        case "array":
            most = {"maxItems": given["maxLength"]} if "maxLength" in given else {}
            return {"type": "array", "items": _schema(given["items"], defs)} | most
        case "ref" if given["ref"].startswith("#"):
            return _schema(defs[given["ref"][1:]], defs)
        case "union" if all(ref.startswith("#") for ref in given["refs"]):
            return {"anyOf": [_schema(defs[ref[1:]], defs) for ref in given["refs"]]}
        case "string" | "integer" | "boolean" as kind:
            bounds = {name: given[name] for name in ("minimum", "maxLength") if name in given}
            return {"type": kind} | bounds
        case _:
            return {}

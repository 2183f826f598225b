"""Real alerts, as messages for the linter: those of the US National Weather Service and of CAP's examples."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from notify.content.linter import About, Message


def read(folder: Path) -> Iterator[tuple[Message, About]]:
    seen = set()
    for said in [*_nws(folder / "nws"), *_cap(folder / "cap")]:
        words = (said["text"], said["area"])
        if said["text"] and words not in seen:
            seen.add(words)
            emergency = said["severity"] in {"Severe", "Extreme"} and said["urgency"] == "Immediate"
            about = About(
                emergency=emergency, status="Actual" if said["status"] == "Actual" else "Test",
                phase="all-clear" if said["kind"] == "Cancel" or said["urgency"] == "Past" else "issue",
            )  # fmt: skip
            yield Message("social", said["language"][:2].lower(), "", said["text"]), about


def _nws(folder: Path) -> Iterator[dict[str, str]]:
    for path in sorted(folder.glob("*.json")):
        for feature in json.loads(path.read_text("utf-8"))["features"]:
            one = {name: value or "" for name, value in feature["properties"].items()}
            yield {
                "text": _joined(one["headline"], one["description"], one["instruction"]),
                "area": one["areaDesc"], "severity": one["severity"], "urgency": one["urgency"],
                "status": one["status"], "kind": one["messageType"], "language": one.get("language") or "en",
            }  # fmt: skip


def _cap(folder: Path) -> Iterator[dict[str, str]]:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            root = ElementTree.fromstring(path.read_bytes())  # noqa: S314  files that we chose
        except (ElementTree.ParseError, ValueError):
            continue
        for alert in root.iter():
            for info in alert.findall("{*}info") if alert.tag.endswith("}alert") else ():
                yield {
                    "text": _joined(*(_of(info, name) for name in ("headline", "description", "instruction"))),
                    "area": " ".join(_of(area, "areaDesc") for area in info.findall("{*}area")),
                    "severity": _of(info, "severity"), "urgency": _of(info, "urgency"),
                    "status": _of(alert, "status"), "kind": _of(alert, "msgType"),
                    "language": _of(info, "language") or "en",
                }  # fmt: skip


def _of(element: ElementTree.Element, name: str) -> str:
    return (element.findtext(f"{{*}}{name}") or "").strip()


def _joined(*parts: str) -> str:
    """Join lines that were broken at a fixed width; an empty line ends a sentence."""
    paragraphs = re.split(r"\n\s*\n", "\n\n".join(part for part in parts if part))
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)

"""Parse XML from strangers: without document types, and so without entities, external ones included."""

from typing import NoReturn
from xml.etree import ElementTree as ET
from xml.parsers import expat

DEEPEST = 60  # elements within each other


class UnreadableXml(Exception):
    """It cannot be parsed. Its text says why."""


def parse(document: bytes) -> ET.Element:
    """Return the root. Raises UnreadableXml. Names are `{namespace}name`, as ElementTree writes them."""
    builder, depth = ET.TreeBuilder(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise UnreadableXml(f"its elements are nested deeper than {DEEPEST}")
        builder.start(_named(name), attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_named(name))

    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_declarations
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise UnreadableXml(f"it is not XML: {expat.ErrorString(error.code)} at line {error.lineno}") from None
    except (LookupError, ValueError):
        raise UnreadableXml("it is in an encoding that cannot be read") from None
    return builder.close()


def local(element: ET.Element) -> str:
    """The name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def _named(name: str) -> str:
    return f"{{{name}" if "}" in name else name


def _refuse_declarations(*_: object) -> NoReturn:
    raise UnreadableXml("it declares a document type, which no feed needs")

"""Read attributes from an HTML table, which ArcGIS writes into the description of a KML placemark."""

from html.parser import HTMLParser

MOST_CHARACTERS = 100_000


def attributes(description: str) -> dict[str, str]:
    """Return the names and values from table rows with two cells."""
    if "<td" not in description[:MOST_CHARACTERS].lower():
        return {}
    table = _Table()
    table.feed(description[:MOST_CHARACTERS])
    table.close()
    return {row[0]: row[1] for row in table.rows if len(row) == 2 and row[0] and len(row[0]) <= 100}


class _Table(HTMLParser):
    """Collects the texts of cells, row by row. A cell that contains a table is ignored."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._is_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
            self._is_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._is_cell = False

    def handle_data(self, data: str) -> None:
        if self._is_cell and self.rows and self.rows[-1]:
            self.rows[-1][-1] = " ".join(f"{self.rows[-1][-1]} {data}".split())

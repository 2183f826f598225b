"""A form of a page as a browser without scripts would send it."""

from html.parser import HTMLParser

import httpx

VALUES = {"input", "select", "textarea", "button"}


class Form(HTMLParser):
    """The fields of the form with this id. Give them other `values`, then `send`."""

    def __init__(self, page: str, form_id: str = "draft") -> None:
        super().__init__(convert_charrefs=True)
        self.values: dict[str, str] = {}
        self.offered: dict[str, str] = {}  # what a box or an option would send
        self._id = form_id
        self._inside = False
        self._select = self._textarea = ""
        self._words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("id") == self._id
        mine = given.get("form") == self._id if "form" in given else self._inside
        name = given.get("name", "")
        if tag == "option" and self._select:
            self._option(given)
        if not mine or not name or tag not in VALUES:
            return
        if tag == "select":
            self._select = name
        elif tag == "textarea":
            self._textarea, self._words = name, ""
        elif tag == "input" and given.get("type") == "checkbox":
            self.offered[name] = given.get("value", "on")
            if "checked" in given:
                self.values[name] = given.get("value", "on")
        elif tag == "input" and given.get("type") != "file":
            self.values[name] = given.get("value", "")

    def _option(self, given: dict[str, str]) -> None:
        if "selected" in given or self._select not in self.values:
            self.values[self._select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        if tag == "select":
            self._select = ""
        if tag == "textarea" and self._textarea:
            self.values[self._textarea] = self._words.replace("\r\n", "\n").removeprefix("\n")
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self._words += data

    def tick(self, name: str) -> None:
        self.values[name] = self.offered[name]

    def send(self, door: httpx.Client, path: str, do: str = "save", **more: str) -> httpx.Response:
        """Send it, with line ends as browsers write them."""
        sent = {name: value.replace("\n", "\r\n") for name, value in (self.values | more).items()}
        return door.post(path, data=sent | {"do": do})

"""How pages are built, for those who hear them: content in landmarks, no heading skipped (axe, best practice)."""

from html.parser import HTMLParser

import httpx

from tests.api.every_page import paths, signed_in, unsubscribe_link

__all__ = ["paths", "signed_in", "unsubscribe_link"]
LANDMARKS = {"header", "main", "nav", "footer", "aside"}
VOID = {"meta", "link", "input", "br", "img", "use", "path"}


class Outline(HTMLParser):
    """The heading levels of a page, and its words outside of all landmarks."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: list[int] = []
        self.outside: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        named = tag in {"section", "form"} and ("aria-label" in given or "aria-labelledby" in given)
        skips = tag == "a" and "skip" in (given.get("class") or "").split()
        if tag not in VOID:
            self._open.append((tag, tag in LANDMARKS or named or skips))
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.levels.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        inside = [tag for tag, _ in self._open]
        if data.strip() and "body" in inside and "script" not in inside and not any(mark for _, mark in self._open):
            self.outside.append(data.strip())


def test_all_content_stands_in_landmarks_and_no_heading_is_skipped(door: httpx.Client, paths: list[str]) -> None:
    for path in paths:
        page = Outline()
        page.feed(door.get(path).text)
        assert page.outside == [], path
        assert page.levels[0] == 1, path
        steps = [b - a for a, b in zip(page.levels, page.levels[1:], strict=False)]
        assert all(step <= 1 for step in steps), (path, page.levels)


def test_head_answers_as_get_without_a_body(door: httpx.Client, paths: list[str]) -> None:
    for path in [*paths, "/healthz", "/static/tocsin.css"]:
        asked, told = door.get(path), door.head(path)
        assert told.status_code == asked.status_code, path
        assert told.headers["content-type"] == asked.headers["content-type"], path
        assert told.content == b""

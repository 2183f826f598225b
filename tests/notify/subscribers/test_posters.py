"""A poster of a zone: one page, whose code leads to the page where one joins."""

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import segno

from notify.core.db import transaction
from notify.core.settings import settings
from notify.subscribers import posters
from notify.subscribers.posters import Paper
from tests.acceptance.commands import run_command
from tests.factories import sender, zone

pytestmark = pytest.mark.usefixtures("database")
NOW = datetime(2027, 1, 11, 17, tzinfo=UTC)
INCHES = {"us-letter": (8.5, 11.0), "a4": (8.27, 11.69)}


def poster(name: str = "Riverside & O'Neill #2 *") -> posters.Poster:
    with transaction() as s:
        sender(s, "twilio")
        return posters.about(s, zone(s, name), settings())


def test_the_code_leads_to_the_page_where_one_joins_with_the_zone() -> None:
    made = poster()
    with transaction() as s:
        assert f"/join?zone={zone(s, made.zone).id}" in made.address
    assert parse_qs(urlsplit(made.address).query).keys() == {"zone"}
    drawn = posters.document(made, "a4", settings())["qr"]
    expected = segno.make(made.address, error="q", micro=False)
    modules = {(x, y) for y, row in enumerate(expected.matrix) for x, dark in enumerate(row) if dark}
    assert _dark_modules(drawn) == modules


@pytest.mark.parametrize("paper", ["us-letter", "a4"])
def test_a_poster_is_one_tagged_page(paper: Paper) -> None:
    made = posters.pdf(poster(), paper, settings(), NOW)
    assert made.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", made)) == 1
    width, height = map(float, re.findall(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", made)[0])
    assert (width / 72, height / 72) == pytest.approx(INCHES[paper], abs=0.01)
    assert b"/MarkInfo" in made


def test_a_poster_says_it_in_english_and_spanish_with_keyword_number_and_what_it_costs() -> None:
    said = posters.document(poster(), "a4", settings())
    english, spanish = said["languages"]
    assert (english["language"], spanish["language"]) == ("en", "es")
    for words in (english, spanish):
        assert "*JOIN*" in words["text"]
        assert "(555)\u00a0555-0100" in words["text"]
        assert "/join" in words["scan"]
        assert "STOP" in words["free"]
        assert "911" in words["not_911"]
        assert "{" not in "".join(str(word) for word in words.values())


def test_a_city_that_sends_no_texts_has_no_number_on_it() -> None:
    with transaction() as s:
        made = posters.about(s, zone(s), settings())
    assert [words["text"] for words in posters.document(made, "a4", settings())["languages"]] == ["", ""]


def test_longest_names_still_fit_a_page() -> None:
    made = posters.pdf(
        poster("The Old Northern Liberties and Fishtown Waterfront District"), "us-letter", settings(), NOW
    )
    assert len(re.findall(rb"/Type\s*/Page\b", made)) == 1


def test_the_command_writes_a_file_for_each_zone_and_paper(tmp_path: Path) -> None:
    with transaction() as s:
        sender(s, "twilio")
        zone(s, "Riverside", kind="neighbourhood")
        zone(s, "Old Town", kind="neighbourhood")
    done = run_command("poster", "--all", "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "neighbourhood-old-town-a4.pdf", "neighbourhood-old-town-letter.pdf",
        "neighbourhood-riverside-a4.pdf", "neighbourhood-riverside-letter.pdf",
    ]  # fmt: skip
    one = run_command("poster", "--zone", "Riverside", "--paper", "a4", "-o", str(tmp_path / "one"))
    assert "1 poster" in one.stdout + one.stderr
    assert run_command("poster", "--zone", "Riversied", "-o", str(tmp_path)).returncode == 2
    assert run_command("poster", "-o", str(tmp_path)).returncode == 2


def _dark_modules(svg: str) -> set[tuple[int, int]]:
    """Read the modules back from the path of the SVG: rows of strokes, one high, with a border of four."""
    dark = set()
    (path,) = re.findall(r'class="qrline"[^>]* d="([^"]+)"|d="([^"]+)" class="qrline"', svg)[:1]
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", next(filter(None, path))):
        values = [float(n) for n in numbers.split()]
        if command == "M":
            x, y = values
        elif command == "m":
            x, y = x + values[0], y + values[1]
        else:
            dark |= {(int(x) + n - 4, int(y - 0.5) - 4) for n in range(int(values[0]))}
            x += values[0]
    return dark

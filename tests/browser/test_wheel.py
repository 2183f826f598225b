"""Tocsin as it is installed: the wheel in an environment without the source tree."""

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.visits import Visit
from tests.waiting import until

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the wheel, and what it needs from where the tests have it."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        vendor = {Path(name).name for name in archive.namelist() if name.startswith("api/static/vendor/")}
    assert vendor >= {"htmx.min.js", "sse.min.js", "maplibre-gl.mjs", "maplibre-gl-worker.mjs", "pmtiles.js"}
    assert vendor >= {"terra-draw.umd.js", "terra-draw-maplibre-gl-adapter.umd.js"}
    run(sys.executable, "-m", "venv", "--without-pip", str(folder / "venv"))
    python = folder / "venv" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python))
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    # A folder named in a .pth file is searched, but .pth files in it are not obeyed: that of the source tree is not.
    (site,) = (folder / "venv").glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    (home,) = {Path(line).parent for line in run(str(python), "-c", "import api; print(api.__file__)").split()}
    assert home == site / "api"
    return python.parent


def run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=cwd or "/", timeout=280, check=False, env=without_tree()
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def without_tree() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


@pytest.fixture
def console(installed: Path, tmp_path: Path) -> Iterator[str]:
    """`tocsin up --demo`: the link that signs in to its console."""
    output = tmp_path / "output"
    with output.open("w") as file:
        up = subprocess.Popen(
            [str(installed / "tocsin"), "up", "--demo", "--data", str(tmp_path / "data"), "--port", "0"],
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,
            env=without_tree(),
        )
    try:
        until(lambda: "Ctrl-C" in output.read_text() or up.poll() is not None, 280, "the stack serves")
        link = re.search(r"Console\s+(\S+)", output.read_text())
        assert link is not None, output.read_text()[-2000:]
        yield link[1]
        up.send_signal(signal.SIGINT)
        assert up.wait(60) == 0
    finally:
        if up.poll() is None:
            os.killpg(up.pid, signal.SIGKILL)


@pytest.mark.timeout(600)
def test_the_demo_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    told = run(str(installed / "tocsin"), "demo", "--data", str(tmp_path / "data"), "--port", "0", "--json")
    assert json.loads(told)["state"] == "sent"


@pytest.mark.timeout(600)
def test_the_live_page_and_the_map_have_their_scripts(console: str, browser: Browser) -> None:
    url = re.match(r"https?://[^/]+", console)
    assert url is not None
    visit = Visit(browser.new_page(), url[0])
    visit.page.on("pageerror", lambda error: visit.problems.append(str(error)))
    visit.page.on("console", visit.note)
    visit.page.on("response", lambda answer: visit.problems.append(answer.url) if answer.status >= 400 else None)
    visit.page.goto(console)
    visit.page.get_by_role("button", name=re.compile("Enter|Sign in|Go on", re.IGNORECASE)).click()
    expect(visit.page.get_by_role("heading", name="Now", exact=True)).to_be_visible()
    visit.open("/console/alerts/1")
    expect(visit.page.locator("#numbers")).to_contain_text("of")
    assert visit.page.evaluate("typeof htmx") == "object"
    visit.open()
    visit.until_drawn()
    assert visit.problems == []
    visit.page.close()

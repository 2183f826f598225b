"""The README's commands, as a newcomer types them."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from notify.local import ports
from tests.acceptance.commands import newcomers
from tests.waiting import until

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
CI = (ROOT / ".ci" / "run").read_text()
IN_A_SMALLER_SIZE = {"make bench": "make bench-smoke"}

pytestmark = pytest.mark.long


def commands() -> list[str]:
    lines = (re.sub(r"\s+#.*", "", line) for block in BLOCKS for line in block.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def test_the_second_terminal_and_the_demo(tmp_path: Path) -> None:
    """`make run`, then what the README says to type beside it, then `make demo` on the same data."""
    (beside,) = (block for block in BLOCKS if block.startswith("alias tocsin="))
    env = {**newcomers(), "TOCSIN_DATA": str(tmp_path / "data")}
    port = ports.free()
    output = tmp_path / "output"
    with output.open("w") as file:
        up = subprocess.Popen(
            ["make", "run", f"PORT={port}"], cwd=ROOT, env=env, stdout=file, stderr=file, start_new_session=True
        )
    try:
        until(lambda: "Ctrl-C" in output.read_text() or up.poll() is not None, 240, "the stack serves")
        assert up.poll() is None, output.read_text()[-2000:]
        typed = f"set -e; shopt -s expand_aliases\n{beside}"
        done = subprocess.run(["bash", "-c", typed], cwd=ROOT, env=env, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Riverside" in done.stdout
        os.killpg(up.pid, signal.SIGINT)  # as a terminal does
        up.wait(60)
        assert "nothing is left running" in output.read_text()  # make itself ends by the signal
    finally:
        if up.poll() is None:
            os.killpg(up.pid, signal.SIGKILL)
    demo = subprocess.run(["make", "demo"], cwd=ROOT, env=env, capture_output=True, text=True, timeout=240)
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "Alert 3" in demo.stdout


def test_all_other_commands_of_the_readme_are_run_by_ci() -> None:
    here = {"make run", "make demo"}
    made = {command for command in commands() if command.startswith("make ")}
    assert {"make run", "make test", "make bench"} <= made
    for command in made - here:
        assert f"\n{IN_A_SMALLER_SIZE.get(command, command)}\n" in CI, command
    assert all(command.startswith(("make ", "alias ", "tocsin ")) for command in commands()), "nobody runs the others"

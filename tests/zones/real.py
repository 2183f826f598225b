"""Real zone files beside the repository. Tests that need one are skipped where it is absent."""

from pathlib import Path

import pytest

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def real_file(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip("../shared/data is absent")
    return path

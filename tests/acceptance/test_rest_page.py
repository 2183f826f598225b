"""docs/rest.md, word for word, on a stack with what it needs of the training city."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from shapely.geometry import box

from notify import training
from notify.accounts import operators
from notify.core.db import transaction
from tests.acceptance.city import CONSENT, City

PAGE = (Path(__file__).parents[2] / "docs" / "rest.md").read_text()
COMMANDS = "".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def test_every_command_of_the_page_does_what_it_says(city: City, tmp_path: Path) -> None:
    with transaction() as s:
        for email, role in training.OPERATORS:
            operators.add(s, email, role, datetime.now(UTC))
    city.keep_zone("Riverside", box(80.0, 45.0, 80.05, 45.05))
    phone = "+12015550100"
    city.import_rows([f"{phone},,en,storm,80.02,45.02,,home,{CONSENT}"])
    here = COMMANDS.replace("http://127.0.0.1:8000", city.url)
    assert here != COMMANDS
    tocsin = f'set -euo pipefail\ntocsin() {{ "{sys.executable}" -m notify.cli "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-c", tocsin + here + '\nprintf "\\n%s" "$ALERT"'],
        cwd=tmp_path, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    alert = int(done.stdout.split()[-1])
    assert city.sql("SELECT count(*) AS n FROM alerts a JOIN idempotency_keys k ON k.alert_id = a.id")[0].n == 1
    assert city.until_over(alert).audience.total > 0
    assert json.loads((tmp_path / "riverside.geojson").read_text())["type"] == "Feature"
    assert '"dry_run":true' in done.stdout
    assert '"done":true' in done.stdout

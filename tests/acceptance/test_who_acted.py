"""The audit names the account of a command, and no account for what a running process does for others."""

from datetime import UTC, datetime, timedelta

from notify.accounts import operators
from notify.core.db import transaction
from tests.acceptance.city import APPROVER, AUTHOR, City, request
from tests.waiting import until


def accounts(city: City, alert: int) -> dict[str, str | None]:
    """Each act on the alert, with the account that it was done from."""
    rows = city.sql(
        "SELECT action, detail->>'command_line' AS account FROM audit WHERE subject = 'alert' AND subject_id = :a",
        a=alert,
    )
    return {row.action: row.account for row in rows}


def test_only_a_command_is_done_from_an_account_of_this_machine(city: City) -> None:
    block = city.block(phones=1)
    with transaction() as s:
        author = operators.find(s, AUTHOR)
        key = operators.add_key(s, "who acted", datetime.now(UTC), author)
    draft = {"event": "storm", "blanks": {"hazard": "thunderstorm"}, "channels": ["sms"], "zones": [block.zone]}
    made = request(f"{city.url}/api/v1/alerts", draft, headers={"Authorization": f"Bearer {key}"})["id"]
    assert accounts(city, made) == {"draft": None, "ask": None}
    city.run("alert", "cancel", str(made), "--as", APPROVER)
    assert "@" in (accounts(city, made)["cancel"] or "")

    scheduled = city.approved(block.zone, launch_at=datetime.now(UTC) + timedelta(seconds=2))
    city.launch(scheduled)
    city.until_over(scheduled)
    until(lambda: "finish" in accounts(city, scheduled), 30, "its end is in the audit")
    assert accounts(city, scheduled) == dict.fromkeys(("draft", "ask", "approve", "schedule", "launch", "finish"))

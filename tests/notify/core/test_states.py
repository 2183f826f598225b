"""Which state may follow which, written out: a change of the table in the code must be made here too, on purpose."""

from notify.core import states

ALERT = """
    draft      -> approved cancelled expired
    approved   -> scheduled sending cancelled expired
    scheduled  -> approved sending cancelled expired
    sending    -> paused sent cancelled expired
    paused     -> sending cancelled expired
    sent       ->
    cancelled  ->
    expired    ->
"""
DELIVERY = """
    queued       -> sending held skipped cancelled expired
    held         -> queued skipped cancelled expired
    sending      -> accepted failed unknown queued delivered undelivered
    unknown      -> accepted queued failed delivered undelivered
    accepted     -> delivered undelivered failed
    delivered    -> undelivered
    undelivered  -> delivered
    failed       -> undelivered delivered
    skipped      ->
    cancelled    ->
    expired      ->
"""


def table(written: str) -> dict[str, set[str]]:
    lines = (line.split("->") for line in written.strip().splitlines())
    return {before.strip(): set(after.split()) for before, after in lines}


def test_the_states_of_an_alert() -> None:
    assert {str(before): set(map(str, after)) for before, after in states.ALERT.items()} == table(ALERT)


def test_the_states_of_a_delivery() -> None:
    assert {str(before): set(map(str, after)) for before, after in states.DELIVERY.items()} == table(DELIVERY)


def test_what_is_final_and_the_moves_beside_the_table() -> None:
    assert set(map(str, states.FINISHED)) == {"sent", "cancelled", "expired"}
    assert set(map(str, states.BEFORE_LAUNCH)) == {"draft", "approved", "scheduled"}
    assert set(map(str, states.CARRIED)) == {
        "held", "cancelled", "expired", "accepted", "delivered", "undelivered", "failed",
    }  # fmt: skip
    assert set(map(str, states.HELD_BACK)) == {"queued", "held", "skipped", "cancelled", "expired"}
    assert set(map(str, states.PASSED_ON)) == {"accepted", "unknown"}
    assert set(map(str, states.PERHAPS_OUT)) == {"queued", "held", "sending", "unknown"}
    assert set(map(str, states.SETTLED)) == table(DELIVERY).keys() - {"queued", "held", "sending", "unknown"}

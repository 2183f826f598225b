"""Public pages, and the pages that messages to residents link to."""

from api.resident import (
    alerts,
    choices,
    confirm,
    contact_card,
    data,
    join,
    me,
    privacy,
    self_test,
    still,
    tablet,
    unsubscribe,
    verify,
    why,
)

ROUTERS = (
    alerts.router,
    data.router,
    join.router,
    confirm.router,
    still.router,
    tablet.router,
    me.router,
    choices.router,
    privacy.router,
    self_test.router,
    unsubscribe.router,
    why.router,
    verify.router,
    contact_card.router,
)

"""Public pages, and the pages that messages to residents link to."""

from api.resident import (
    alerts,
    answers,
    calendar_mail,
    choices,
    collection_feeds,
    collections,
    confirm_by_link,
    contact_card,
    data,
    join,
    me,
    parking,
    privacy,
    self_test,
    tablet,
    unsubscribe,
    verify,
    why,
)

ROUTERS = (
    alerts.router,
    answers.router,
    data.router,
    join.router,
    *confirm_by_link.ROUTERS,
    tablet.router,
    me.router,
    choices.router,
    parking.router,
    privacy.router,
    self_test.router,
    calendar_mail.router,
    unsubscribe.router,
    why.router,
    verify.router,
    contact_card.router,
    collection_feeds.router,  # first: its paths end with .ics, which the others would take for a part of the id
    collections.router,
)

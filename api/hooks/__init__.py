"""Webhooks of the providers: the signature first, then the facts into PostgreSQL, then 2xx."""

from api.hooks import sendgrid, twilio

ROUTERS = (twilio.router, sendgrid.router)

"""Outgoing HTTP: to providers, to an outside geocoder and for `tocsin check`.

`client` is the interface: a request ends as not sent, unknown or answered. `outbound` reads the city's settings and
opens the client for them: `connections` without a proxy, `proxied` with one. `blocking` is for callers without an
event loop. `probe` checks the way to a host.
"""

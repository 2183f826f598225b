"""The HTTP that leaves Tocsin: to providers, to an outside geocoder and to what `tocsin check` asks.

`client` is the interface: a request ends as not sent, unknown or answered. `outbound` reads the city's settings and
opens the client that serves them: `connections` directly, `proxied` through a proxy, `blocking` for callers that have
no event loop.
"""

"""Stand-ins for Twilio, SendGrid, Mastodon and Bluesky: the same HTTP on loopback, with phones that can reply.

The simulator is an app of its own, keeps everything in memory and imports nothing else of the project. Read `app.py`
first: it lists every route. `door.py` handles each request, and `control.py` has the interface for tests.
"""

"""Stand-ins for Twilio, SendGrid, Mastodon and Bluesky: the same HTTP on loopback, with phones that answer.

An app of its own, in memory, that imports nothing else of the project. Read `app.py` first: it lists every
address. `door.py` says what happens to a request, `control.py` how tests steer it.
"""

"""Public pages and feeds, kept in memory and answered in front of the application.

In an emergency everybody looks at the same few pages. Each is rendered once when something changes, compressed once,
and then answered without a thread, a database or the framework (docs/adr/0044-public-pages-in-memory.md).
"""

"""WHAT is said: all wording and pages, no logic."""

from pathlib import Path

FINDINGS = Path(__file__).parent / "findings"
LIFTING = Path(__file__).parent / "lifting"
LINT = Path(__file__).parent / "lint"
LOCALE = Path(__file__).parent / "locale"
MESSAGES = Path(__file__).parent / "messages"
NUMBERS = Path(__file__).parent / "numbers"
PAGES = Path(__file__).parent / "pages"
REASONS = Path(__file__).parent / "reasons"
DRILLS = Path(__file__).parent / "drills"
REPLIES = Path(__file__).parent / "replies"
POSTER = Path(__file__).parent / "poster"
COLLECTIONS = Path(__file__).parent / "collections"
OPERATORS = Path(__file__).parent / "operators"
RESIDENTS = Path(__file__).parent / "residents"
REPORT = Path(__file__).parent / "report"

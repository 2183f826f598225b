"""The city's own entry for an address book: who saves it sees the city's name beside a message, not a strange number.

vCard 3.0 (RFC 2426), which telephones of every age read.
"""

from email.utils import parseaddr

from sqlalchemy.orm import Session

from notify.channels.channel import EMAIL, SMS
from notify.core.settings import Settings
from notify.delivery import senders

LINE_OCTETS = 75  # RFC 2426, section 2.6: longer lines are folded
_ESCAPED = str.maketrans({"\\": "\\\\", ",": "\\,", ";": "\\;", "\n": "\\n", "\r": None})


def vcard(s: Session, known: Settings) -> str:
    """Return the entry: the name of the program and the city, the numbers and emails of the open senders, the address
    of the pages."""
    lines = [
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"FN:{known.program.translate(_ESCAPED)}",
        f"N:;{known.program.translate(_ESCAPED)};;;",
        f"ORG:{known.city.translate(_ESCAPED)}",
    ]
    for one in senders.all_senders(s):
        if one.status == "open" and one.channel == SMS.name:
            lines.append(f"TEL;TYPE=CELL:{one.address.translate(_ESCAPED)}")
        elif one.status == "open" and one.channel == EMAIL.name:
            lines.append(f"EMAIL;TYPE=INTERNET:{parseaddr(one.address)[1].translate(_ESCAPED)}")
    lines += [f"URL:{known.public_url}", "END:VCARD"]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _folded(line: str) -> str:
    """Fold a long line between characters, never within one."""
    parts, octets = [""], 0
    for letter in line:
        size = len(letter.encode())
        if octets + size > LINE_OCTETS:
            parts.append("")
            octets = 1  # the space that continues a line
        parts[-1] += letter
        octets += size
    return "\r\n ".join(parts)

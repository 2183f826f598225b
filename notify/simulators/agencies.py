"""A county that warns of a flood in the training city, as a CAP 1.2 message: what other agencies say has an example.

GET /agencies/brook-county.cap      the warning of this hour, an Update of that of the hour before
"""

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PATH = "/agencies/brook-county.cap"
SENDER = "warnings@brook-county.example.org"
# The lower river of Bellhaven, and some of the county south of it: latitude first.
AREA = "37.885,-70.575 37.885,-70.515 37.940,-70.520 37.945,-70.568 37.885,-70.575"
MESSAGE = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>{identifier}</identifier>
  <sender>{sender}</sender>
  <sent>{sent}</sent>
  <status>Actual</status>
  <msgType>Update</msgType>
  <scope>Public</scope>
  <references>{sender},{before},{sent_before}</references>
{infos}</alert>
"""
INFO = """  <info>
    <language>{language}</language>
    <category>Met</category>
    <event>{event}</event>
    <responseType>Prepare</responseType>
    <urgency>Expected</urgency>
    <severity>Severe</severity>
    <certainty>Likely</certainty>
    <expires>{expires}</expires>
    <senderName>Brook County Emergency Management (a simulator)</senderName>
    <headline>{headline}</headline>
    <description>{description}</description>
    <instruction>{instruction}</instruction>
    <area><areaDesc>{place}</areaDesc><polygon>{area}</polygon></area>
  </info>
"""
WORDS = (
    {
        "language": "en-US",
        "event": "Flood Warning",
        "headline": "Brook County: the lower river rises until tonight",
        "description": "Strong winds push water up the river. Low streets on both banks may be under water after 6 PM.",
        "instruction": "Move cars to high ground now. Do not drive through water. Stay away from the river banks.",
        "place": "Lower river, both banks",
    },
    {
        "language": "es-US",
        "event": "Aviso de inundación",
        "headline": "Condado de Brook: el río bajo sube hasta esta noche",
        "description": "El viento fuerte empuja el agua río arriba. Las calles bajas de ambas orillas pueden quedar "
        "bajo el agua después de las 6 PM.",
        "instruction": "Lleve su auto a un lugar alto ahora. No conduzca por el agua. Aléjese de las orillas del río.",
        "place": "Río bajo, ambas orillas",
    },
)


def warning(now: datetime) -> str:
    """The message that is in force at a time."""
    sent = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    before = sent - timedelta(hours=1)
    expires = _time(sent + timedelta(hours=2))
    return MESSAGE.format(
        identifier=_identifier(sent),
        sender=SENDER,
        sent=_time(sent),
        before=_identifier(before),
        sent_before=_time(before),
        infos="".join(INFO.format(**words, expires=expires, area=AREA) for words in WORDS),
    )


def routes() -> list[Route]:
    async def county(_request: Request) -> Response:
        return Response(warning(datetime.now(UTC)), media_type="application/cap+xml")

    return [Route(PATH, county)]


def _identifier(sent: datetime) -> str:
    return f"brook-county-{sent:%Y%m%d%H}"


def _time(at: datetime) -> str:
    """UTC, as CAP wants it."""
    return f"{at:%Y-%m-%dT%H:%M:%S}-00:00"

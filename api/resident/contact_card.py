"""`/contact.vcf`: the city's entry for the address book of a phone."""

from fastapi import APIRouter
from starlette.responses import Response

from notify.core.db import transaction
from notify.core.settings import settings
from notify.subscribers import contact_card

router = APIRouter(include_in_schema=False)


@router.get("/contact.vcf")
def save() -> Response:
    with transaction() as s:
        card = contact_card.vcard(s, settings())
    named = {"Content-Disposition": 'attachment; filename="contact.vcf"', "Cache-Control": "public, max-age=300"}
    return Response(card, media_type="text/vcard; charset=utf-8", headers=named)

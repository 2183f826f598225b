"""The menu of the desk: each of its places, with the permission that one needs there ("" for everybody)."""

PLACES = {
    "/desk": "serve",
    "/desk/calls": "serve",
    "/desk/answers": "",
    "/desk/notices": "draft collection",
    "/desk/rules": "draft collection",
    "/desk/tickets": "serve",
    "/desk/requests": "serve",
    "/desk/snow": "",
    "/desk/outages": "",
}

"""Twilio's errors, in its JSON format: https://www.twilio.com/docs/api/errors"""

from starlette.responses import JSONResponse

# code -> (HTTP status, words)
ERRORS = {
    20001: (400, "Invalid parameter"),
    20003: (401, "Authenticate"),
    20404: (404, "The requested resource {} was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    20503: (503, "Service Unavailable"),
    21211: (400, "Invalid 'To' Phone Number: {}"),
    21212: (400, "Invalid From Number (caller ID): {}"),
    21266: (400, "'To' and 'From' number cannot be the same"),
    21408: (400, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {}"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (
        400,
        "The 'From' phone number provided is not a valid message-capable Twilio phone number for this account",
    ),
    21609: (400, "Invalid 'StatusCallback' URL: {}"),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (429, "This 'From' number has exceeded the maximum number of queued messages"),
    21614: (400, "'To' number is not a valid mobile number: {}"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
    21624: (400, "The ValidityPeriod must be an integer between 1 and 36000 seconds"),
    21703: (400, "The Messaging Service does not have any phone numbers"),
}
USUAL = {400: 20001, 401: 20003, 404: 20404, 429: 20429, 500: 20500, 503: 20503}


def error(code: int, about: str = "", *, status: int = 0, retry_after: float | None = None) -> JSONResponse:
    """Make an error. `status` overrides the code's usual one; `about`: the number or address that the text names."""
    usual, words = ERRORS.get(code, (400, f"Error {code}"))
    status = status or usual
    body = {
        "code": code,
        "message": words.format(about),
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
    return JSONResponse(body, status, headers)

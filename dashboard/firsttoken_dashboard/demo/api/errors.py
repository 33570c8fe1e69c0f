"""The API's errors: status, type and the JSON they come as."""

from __future__ import annotations

import json
from typing import Final

ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "request_timeout",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "service_unavailable_error",
    504: "timeout_error",
    529: "overloaded_error",
}
MESSAGES: Final = {
    401: "x-api-key header is required",
    429: "This request would exceed your organization's rate limit. Please reduce the prompt length or wait.",
    500: "Internal server error",
    529: "Overloaded",
}


class ApiError(Exception):
    """An answer that is an error; `retry_after_s` becomes the `retry-after` header."""

    def __init__(self, status: int, message: str | None = None, *, retry_after_s: float | None = None) -> None:
        """The message defaults to the API's usual words for the status."""
        self.status = status
        self.type = ERROR_TYPES.get(status, "api_error")
        self.message = message or MESSAGES.get(status, self.type.replace("_", " "))
        self.retry_after_s = retry_after_s
        super().__init__(self.message)

    def body(self, request_id: str) -> bytes:
        """The JSON, the same for a whole answer and for an `error` event in a stream."""
        error = {"type": self.type, "message": self.message}
        return json.dumps({"type": "error", "error": error, "request_id": request_id}).encode()

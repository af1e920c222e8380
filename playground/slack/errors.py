"""What a method of the Web API refuses with."""

from typing import Any


class SlackError(Exception):
    """An answer with `ok: false`.

    Attributes:
        error: Slack's own word, such as `channel_not_found`.
        status: HTTP status; Slack refuses with 200, but for rate limits and its own breakdowns.
        headers: Sent along, such as Retry-After.
        more: Further keys of the body, such as `needed` and `provided`.
    """

    def __init__(self, error: str, *, status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.headers = headers or {}
        self.more = more

    def body(self) -> dict[str, Any]:
        """The JSON that is answered."""
        return {"ok": False, "error": self.error, **self.more}


class NotPossibleError(Exception):
    """A person could not do this in Slack: no such button, no such channel, a form that is not open."""

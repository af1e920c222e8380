"""A strict pretend Slack on 127.0.0.1: real HTTP, real signatures, real WebSockets, and none of Slack's leniency.

`PretendSlack` is the server; it has the hands of the workspace's people (`command`, `press`, `submit`) as methods.
"""

from playground.slack.acting import Outcome
from playground.slack.errors import NotPossibleError
from playground.slack.faults import Down, Hold, RateLimited, Refused, ResetAfter, ResetBefore, Slow
from playground.slack.limits import lint_message, lint_view
from playground.slack.server import PretendSlack

__all__ = [
    "Down",
    "Hold",
    "NotPossibleError",
    "Outcome",
    "PretendSlack",
    "RateLimited",
    "Refused",
    "ResetAfter",
    "ResetBefore",
    "Slow",
    "lint_message",
    "lint_view",
]

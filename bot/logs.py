"""Log lines: structlog's and the libraries' alike, for people or for machines, without secrets and bodies."""

import logging
import sys
from collections.abc import Collection
from typing import Literal

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from structlog.typing import EventDict, Processor, WrappedLogger

# Bolt logs whole request bodies at INFO, slack_sdk and asyncio whole frames at DEBUG.
_QUIET = {
    "slack_bolt": logging.WARNING,
    "slack_sdk": logging.WARNING,
    "aiohttp": logging.WARNING,
    "asyncio": logging.WARNING,
    "aiosqlite": logging.WARNING,
    "alembic": logging.WARNING,
    "sqlalchemy": logging.WARNING,
}
# What a library says of these says it all; Socket Mode would print a page of stack at every try to reach Slack.
_PLAIN = (OSError, aiohttp.ClientError, SlackApiError)


def _leave_out_stack(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A library's line about a connection or a refusal, without the way there."""
    error = event.get("exc_info")
    if isinstance(error, tuple) and isinstance(error[1], _PLAIN):
        del event["exc_info"]
    return event


class _Redactor:
    """Takes secrets out of every value of a line, whoever put them there."""

    def __init__(self, secrets: Collection[str]) -> None:
        self._secrets = tuple(secrets)

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {key: self._redact(value) for key, value in event.items()}

    def _redact(self, value: object) -> object:
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, "[secret]")
        return value


def configure_logs(*, level: str, form: Literal["console", "json"], secrets: Collection[str]) -> None:
    """Send all logs to standard output.

    Args:
        level: Least level that is written.
        form: For people or for machines.
        secrets: Never written, wherever they turn up.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,  # without local variables: they hold texts and tokens
        _Redactor(secrets),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_leave_out_stack, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelNamesMapping()[level]))

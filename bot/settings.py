"""The environment, and a `.env` beside it, read once at the start; every mistake is named at once."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from itertools import pairwise
from typing import Annotated, Any, Literal, Self
from urllib.parse import SplitResult, urlsplit
from zoneinfo import available_timezones

import phonenumbers
from phonenumbers.timezone import time_zones_for_number
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, NoDecode, SettingsConfigDict

from bot.domain.quiet_hours import QuietHours, parse_quiet_hours
from bot.errors import InvalidInputError

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_OURS = ("SMS_", "CARRIERX_")  # other programs' settings begin otherwise
_ZONE = "America/New_York"  # where most of the United States and Canada live
_LONGEST = 604_800.0  # a week, and far below what a timedelta takes
_SCHEDULE = "must be growing numbers of seconds, like 15,60,300"
_HOST = re.compile(r"(\[[^\]]+\]|[^:\[\]]*)(:\d+)?")  # PostgreSQL's may be several, with commas
_SECRET = re.compile(r"[A-Za-z0-9_-]{32,}")  # goes into a URL's path as it is


class SettingsError(Exception):
    """The start must not go on.

    Attributes:
        sentences: One for each setting that is missing or senseless.
    """

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


def _wrong(sentence: str) -> PydanticCustomError:
    # Braces would be taken for a template.
    return PydanticCustomError("setting", "{sentence}", {"sentence": sentence})


def _split(value: object) -> object:
    return tuple(filter(None, (part.strip() for part in value.split(",")))) if isinstance(value, str) else value


def _starting(prefix: str, where: str) -> Callable[[SecretStr], SecretStr]:
    def check(value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(prefix):
            raise _wrong(f"must begin with {prefix}; copy it from {where} of your Slack app")
        return value

    return check


def _split_url(value: str) -> SplitResult:
    try:
        return urlsplit(value)
    except ValueError:
        raise _wrong("is no address") from None


def _check_url(value: str) -> str:
    parts = _split_url(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise _wrong("must be an address that begins with https://")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise _wrong("must begin with https://, or the token would travel for all to read")
    return value


def _check_number(value: str) -> str:
    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        raise _wrong(f"has {value}, which is not a phone number; write it like +15162065574")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _check_region(value: str) -> str:
    if value.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise _wrong(f"has {value}, which is not a country; write its two letters, like US")
    return value.upper()


def _check_secrets(values: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if len(values) > 2:  # noqa: PLR2004 -- the old one and the new one
        raise _wrong("takes two secrets at most, the new one and the old one")
    if not all(_SECRET.fullmatch(value.get_secret_value()) for value in values):
        raise _wrong(
            "needs at least 32 letters, digits, - or _; `python3 -c 'import secrets; print(secrets.token_urlsafe(32))'`"
            " makes one"
        )
    return values


def _check_schedule(values: tuple[float, ...]) -> tuple[float, ...]:
    if not values or not all(earlier < later <= _LONGEST for earlier, later in pairwise((0.0, *values))):
        raise _wrong(_SCHEDULE)
    return values


def _check_database(value: str) -> str:
    if not re.match(r"(sqlite(\+aiosqlite)?:///|postgres(ql)?(\+asyncpg)?://)", value):
        raise _wrong("must begin with sqlite:/// or postgres://")
    hosts = _split_url(value).netloc.rpartition("@")[2].split(",")
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise _wrong(
            "cannot be read: look at its port, and write signs in its password as an address has them, / as %2F"
        )
    return value


def _check_channel(value: str) -> str:
    if not re.fullmatch(r"[CG][A-Z0-9]{2,}|", value):
        raise _wrong(f"has {value}, which is no channel's id; it ends the channel's details, like C0123")
    return value


def _check_channels(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_check_channel, values))


def _check_people(values: tuple[str, ...]) -> tuple[str, ...]:
    if wrong := [value for value in values if not re.fullmatch(r"[UW][A-Z0-9]{2,}", value)]:
        raise _wrong(f"has {wrong[0]}, which is no member's id; it is in the member's profile, under ⋮, like U0123")
    return values


def _check_hours(value: str) -> str:
    try:
        parse_quiet_hours(value)
    except InvalidInputError as exc:
        raise _wrong(f"cannot be read: {exc.user_message.rstrip('.')}") from None
    return value


def _check_zone(value: str) -> str:
    if value and value not in available_timezones():
        raise _wrong(f"has {value}, which is no time zone; write one like America/New_York")
    return value


_List = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
_Number = Annotated[str, AfterValidator(_check_number)]
_Region = Annotated[str, AfterValidator(_check_region)]
_Url = Annotated[str, AfterValidator(_check_url)]
_Seconds = Annotated[float, Field(gt=0, le=_LONGEST)]
_SecondsOrNone = Annotated[float, Field(ge=0, le=_LONGEST)]
_Days = Annotated[float, Field(gt=0, le=36_500)]


class Settings(BaseSettings):
    """What an operator may set; the descriptions are the README's."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    slack_bot_token: Annotated[SecretStr, AfterValidator(_starting("xoxb-", "OAuth & Permissions"))] = Field(
        description="Slack's bot token, xoxb-…"
    )
    slack_signing_secret: Annotated[SecretStr, Field(min_length=16)] | None = Field(
        None, description="For HTTP: proves that a request is Slack's"
    )
    slack_app_token: Annotated[SecretStr, AfterValidator(_starting("xapp-", "Basic Information"))] | None = Field(
        None, description="For Socket Mode: the app-level token, xapp-…; then Slack needs no way in"
    )
    slack_api_url: _Url = Field("https://slack.com/api/", description="Where Slack's Web API is")
    carrierx_token: SecretStr = Field(description="CarrierX's security token", min_length=8)
    carrierx_api_url: _Url = Field("https://api.carrierx.com/core/v2", description="Where CarrierX's Core API is")
    carrierx_naming: Literal["current", "legacy"] = Field(
        "current", description="`legacy` for accounts that still see from_did and to_did"
    )
    carrierx_callback_secret: Annotated[
        tuple[SecretStr, ...], NoDecode, BeforeValidator(_split), AfterValidator(_check_secrets)
    ] = Field(
        (), description="Last part of the callback URL, 32 characters or more; two with a comma while you change it"
    )
    sms_command: Annotated[str, Field(pattern=r"^/[a-z0-9_-]{1,31}$")] = Field(
        "/sms", description="The slash command, as in manifest.yml"
    )
    sms_default_from: _Number | None = Field(
        None, description="Sender where none was used before; else the first that can text"
    )
    sms_default_region: _Region = Field("US", description="Country of numbers typed without +")
    sms_numbers: Annotated[tuple[_Number, ...], NoDecode, BeforeValidator(_split)] = Field(
        (), description="Only these of the account's numbers; empty for all"
    )
    sms_countries: Annotated[tuple[_Region, ...], NoDecode, BeforeValidator(_split), Field(min_length=1)] = Field(
        ("US", "CA"), description="Countries that may be texted"
    )
    sms_shared_channels: Annotated[_List, AfterValidator(_check_channels)] = Field(
        (), description="Ids of channels shared with other companies in which the command may be used"
    )
    sms_inbound_channel: Annotated[str, AfterValidator(_check_channel)] = Field(
        "", description="Id of the channel for texts from phones where no other is set; else the administrators' DM"
    )
    sms_admins: Annotated[_List, AfterValidator(_check_people)] = Field(
        (), description="Ids of who may set things; by default the workspace's admins and owners"
    )
    sms_brand: Annotated[str, Field(max_length=60)] = Field(
        "", description="Who you are in automatic answers; by default the workspace's name"
    )
    sms_help_contact: Annotated[str, Field(max_length=80)] = Field(
        "", description="Where customers find help: a phone number, an address; it is the answer to HELP"
    )
    sms_undo_seconds: _SecondsOrNone = Field(
        5.0, description="How long a reply that is texted by itself can be undone; 0 is not at all"
    )
    sms_quiet_hours: Annotated[str, AfterValidator(_check_hours)] = Field(
        "21:00-08:00", description="When nobody is texted first, by the phone's clock; `off` for never"
    )
    sms_time_zone: Annotated[str, AfterValidator(_check_zone)] = Field(
        "", description="The zone of phones whose number tells none; by default that of SMS_DEFAULT_FROM"
    )
    sms_send_now: bool = Field(True, description="Whether a text that waits for the morning has a Send now button")
    sms_broadcast_days: _Days = Field(
        3.0, description="A phone's text in a thread that has rested so long is shown in the channel too"
    )
    sms_nudge_minutes: _SecondsOrNone = Field(
        0.0, description="Say so when a text has had no answer for that long; 0 is never"
    )
    sms_catch_up_seconds: _Seconds = Field(120.0, description="How often CarrierX's records are read for missed texts")
    sms_callback_wait_seconds: _SecondsOrNone = Field(
        60.0, description="How long a record waits for its callback before it is shown"
    )
    sms_retention_days: _Days = Field(365.0, description="What was written is erased then; opt-outs never are")
    sms_media_kb: Annotated[int, Field(ge=10, le=3_000)] = Field(
        1000, description="Files of one text are made to fit into so many kilobytes; CarrierX takes 3,000"
    )
    carrierx_verify_callbacks: bool = Field(
        False, description="Ask CarrierX for a text again before it is believed; `/sms status` says whether it answers"
    )
    sms_rate_per_number: Annotated[float, Field(ge=0, le=1_000)] = Field(
        5.0, description="Texts a second from one number; 0 is off"
    )
    sms_give_up_minutes: _Seconds = Field(60.0, description="A text that could not be handed over by then has failed")
    sms_lookup_seconds: Annotated[
        tuple[float, ...], NoDecode, BeforeValidator(_split), AfterValidator(_check_schedule)
    ] = Field((15.0, 60.0, 300.0), description="When CarrierX's records are searched for a text of unknown outcome")
    sms_poll_seconds: _Seconds | None = Field(
        None, description="First question for a text's state where no receipt comes; by default 60, without callbacks 2"
    )
    sms_lease_seconds: _Seconds = Field(30.0, description="How long a process may hold a text before it sends it")
    sms_sweep_seconds: _Seconds = Field(1.0, description="How often each loop looks for what nobody woke it for")
    sms_numbers_seconds: _Seconds = Field(300.0, description="How often the account's numbers are read")
    carrierx_connect_seconds: _Seconds = Field(5.0, description="Longest wait for a connection to CarrierX")
    carrierx_answer_seconds: _Seconds = Field(10.0, description="Longest wait for CarrierX's answer")
    database_url: Annotated[str, AfterValidator(_check_database)] = Field(
        "sqlite:///threadtext.sqlite3", description="SQLite file or PostgreSQL", repr=False
    )
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(3000, description="Port to listen on")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged")
    log_format: Literal["console", "json"] = Field("console", description="Log lines for people or for machines")

    @model_validator(mode="wrap")
    @classmethod
    def _check_all(cls, data: dict[str, Any], handler: ModelWrapValidatorHandler[Self]) -> Self:
        sentences = _check_together(data)
        try:
            settings = handler(data)
        except ValidationError as exc:
            raise SettingsError([*dict.fromkeys(map(_show, exc.errors())), *sentences]) from None
        if settings.sms_default_from and settings.sms_numbers and settings.sms_default_from not in settings.sms_numbers:
            sentences.append("SMS_DEFAULT_FROM is not among SMS_NUMBERS: add it there or choose another.")
        if sentences:
            raise SettingsError(sentences)
        return settings

    @property
    def give_up(self) -> timedelta:
        """How long a text may wait to be handed over."""
        return timedelta(minutes=self.sms_give_up_minutes)

    @property
    def quiet_hours(self) -> QuietHours | None:
        """When nobody is texted first."""
        return parse_quiet_hours(self.sms_quiet_hours)

    @property
    def time_zone(self) -> str:
        """The zone of phones whose number tells none."""
        if self.sms_time_zone or self.sms_default_from is None:
            return self.sms_time_zone or _ZONE
        zones = time_zones_for_number(phonenumbers.parse(self.sms_default_from))
        return zones[0] if len(zones) == 1 and zones[0] in available_timezones() else _ZONE

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no log line may hold."""
        values = (
            self.slack_bot_token,
            self.slack_signing_secret,
            self.slack_app_token,
            self.carrierx_token,
            *self.carrierx_callback_secret,
        )
        password = urlsplit(self.database_url).password
        return (*(value.get_secret_value() for value in values if value is not None), *([password] if password else []))

    @property
    def poll(self) -> timedelta:
        """When a text's state is first asked for where no receipt has come."""
        usual = 60.0 if self.carrierx_callback_secret else 2.0
        return timedelta(seconds=self.sms_poll_seconds or usual)


def read_settings() -> Settings:
    """What the environment and `.env` say.

    Raises:
        SettingsError: The start must not go on.
    """
    try:
        misspelt = _find_misspelt({*os.environ, *DotEnvSettingsSource(Settings).env_vars})
        settings = Settings()
    except SettingsError as error:
        raise SettingsError([*error.sentences, *misspelt]) from None
    except UnicodeDecodeError:
        raise SettingsError([".env cannot be read: save it as UTF-8."]) from None
    except OSError as exc:
        raise SettingsError([f".env cannot be read: {exc.strerror}."]) from None
    if misspelt:
        raise SettingsError(misspelt)
    return settings


def _find_misspelt(names: Iterable[str]) -> list[str]:
    """What would be ignored without a word, such as quiet hours; a sentence each.

    Names like ours with something behind them are left alone: people keep what was set before as SMS_BRAND_OLD.
    """
    known = [name.upper() for name in Settings.model_fields]
    sentences = []
    for name in sorted({name.upper() for name in names}.difference(known)):
        if name.startswith(_OURS) and not name.startswith(tuple(f"{each}_" for each in known)):
            sentences += [
                f"{name} is no setting; if you mean {meant}, write it so, otherwise remove it."
                for meant in get_close_matches(name, known, n=1, cutoff=0.85)
            ]
    return sentences


def _check_together(data: Mapping[str, Any]) -> list[str]:
    """What one setting asks of another, judged before each is judged for itself."""
    sentences = []
    if not data.get("slack_signing_secret") and not data.get("slack_app_token"):
        sentences.append(
            "SLACK_SIGNING_SECRET or SLACK_APP_TOKEN is missing: the first for HTTP, the second for Socket Mode; "
            "both are under Basic Information of your Slack app."
        )
    if "DYNO" in os.environ and str(data.get("database_url", "sqlite")).startswith("sqlite"):
        sentences.append(
            "DATABASE_URL must be PostgreSQL's on Heroku: its disk is lost at each restart, and texts with it. "
            "Run `heroku addons:create heroku-postgresql`."
        )
    return sentences


_REMEDY: Mapping[str, str] = {
    "slack_bot_token": "copy it from OAuth & Permissions of your Slack app; it begins with xoxb-",
    "slack_signing_secret": "copy it from Basic Information of your Slack app",
    "carrierx_token": "make one in CarrierX's portal under Account, Security Tokens",
    "sms_countries": "name one country at least, like US,CA",
}
_WRONG: Mapping[str, str] = {
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
    "string_too_long": "must have {max_length} characters or fewer",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be {ge:g} or more",
    "less_than_equal": "must be {le:g} or less",
    "literal_error": "must be {expected}",
    "string_pattern_mismatch": "must begin with / and have small letters, digits, - or _ after it",
}


def _show(error: ErrorDetails) -> str:
    name = str(error["loc"][0])
    if error["type"] in {"missing", "too_short"}:
        flaw = error["type"].replace("_", " ")
        return f"{name.upper()} is {flaw}: {_REMEDY[name]}."
    if error["type"] == "setting":
        return f"{name.upper()} {error['msg']}."
    if name == "sms_lookup_seconds":
        return f"{name.upper()} {_SCHEDULE}."
    wrong = _WRONG.get(error["type"], "is wrong").format_map(error.get("ctx", {}))
    return f"{name.upper()} {wrong}."

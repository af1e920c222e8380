"""The settings: what is missing or senseless is said at once, in a sentence each, and secrets are never shown."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from bot.settings import Settings, SettingsError, read_settings

ROOT = Path(__file__).parents[1]
PATIENCE = 30.0  # seconds for a process to say or do what it should

BOT_TOKEN = "xoxb-1-the-bot-token"
SIGNING_SECRET = "0123456789abcdef-signing"
APP_TOKEN = "xapp-1-the-app-token"
CARRIERX_TOKEN = "5ebc03d6-carrierx-token"
NEW_SECRET = "new-" + "n" * 32
OLD_SECRET = "old-" + "o" * 32
PASSWORD = "database-password"
NEEDED = {
    "SLACK_BOT_TOKEN": BOT_TOKEN,
    "SLACK_SIGNING_SECRET": SIGNING_SECRET,
    "CARRIERX_TOKEN": CARRIERX_TOKEN,
}
FULL = NEEDED | {
    "SLACK_APP_TOKEN": APP_TOKEN,
    "CARRIERX_CALLBACK_SECRET": f"{NEW_SECRET},{OLD_SECRET}",
    "DATABASE_URL": f"postgres://anna:{PASSWORD}@localhost/threadtext",
}
SECRETS = (BOT_TOKEN, SIGNING_SECRET, APP_TOKEN, CARRIERX_TOKEN, NEW_SECRET, OLD_SECRET, PASSWORD)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this shell's settings, and no `.env` but the test's own."""
    for name in (*Settings.model_fields, "dyno"):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def settings(monkeypatch: pytest.MonkeyPatch, values: Mapping[str, str]) -> Settings:
    """What comes of an environment."""
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return Settings()


def mistakes(monkeypatch: pytest.MonkeyPatch, values: Mapping[str, str]) -> list[str]:
    """The sentences that an environment stops the start with."""
    with pytest.raises(SettingsError) as caught:
        settings(monkeypatch, values)
    return caught.value.sentences


def test_names_everything_that_is_missing_at_once(monkeypatch: pytest.MonkeyPatch):
    """A first start without any setting says all that it needs, and where each is found."""
    assert mistakes(monkeypatch, {}) == [
        "SLACK_BOT_TOKEN is missing: copy it from OAuth & Permissions of your Slack app; it begins with xoxb-.",
        "CARRIERX_TOKEN is missing: make one in CarrierX's portal under Account, Security Tokens.",
        (
            "SLACK_SIGNING_SECRET or SLACK_APP_TOKEN is missing: the first for HTTP, the second for Socket Mode; "
            "both are under Basic Information of your Slack app."
        ),
    ]


_READ = "must be growing numbers of seconds, like 15,60,300."
_NUMBER = "which is not a phone number; write it like +15162065574."
_SHORT_SECRET = (
    "needs at least 32 letters, digits, - or _; `python3 -c 'import secrets; print(secrets.token_urlsafe(32))'` "
    "makes one."
)
_ADDRESS = "cannot be read: look at its port, and write signs in its password as an address has them, / as %2F."


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "SLACK_BOT_TOKEN",
            "xapp-1",
            "must begin with xoxb-; copy it from OAuth & Permissions of your Slack app.",
        ),
        ("SLACK_SIGNING_SECRET", "short", "is too short: copy it from Basic Information of your Slack app."),
        ("SLACK_APP_TOKEN", "xoxb-1", "must begin with xapp-; copy it from Basic Information of your Slack app."),
        ("SLACK_API_URL", "slack.com", "must be an address that begins with https://."),
        ("SLACK_API_URL", "https://[", "is no address."),
        (
            "SLACK_API_URL",
            "http://slack.com/api/",
            "must begin with https://, or the token would travel for all to read.",
        ),
        ("CARRIERX_TOKEN", "short", "is too short: make one in CarrierX's portal under Account, Security Tokens."),
        (
            "CARRIERX_API_URL",
            "http://api.carrierx.com",
            "must begin with https://, or the token would travel for all to read.",
        ),
        ("CARRIERX_NAMING", "old", "must be 'current' or 'legacy'."),
        ("CARRIERX_CALLBACK_SECRET", "guess-me", _SHORT_SECRET),
        ("CARRIERX_CALLBACK_SECRET", "a" * 31, _SHORT_SECRET),
        ("CARRIERX_CALLBACK_SECRET", "a/b?" * 10, _SHORT_SECRET),
        (
            "CARRIERX_CALLBACK_SECRET",
            ",".join(("a" * 32, "b" * 32, "c" * 32)),
            "takes two secrets at most, the new one and the old one.",
        ),
        ("CARRIERX_CONNECT_SECONDS", "0", "must be more than 0."),
        ("CARRIERX_ANSWER_SECONDS", "soon", "must be a number."),
        ("SMS_COMMAND", "sms", "must begin with / and have small letters, digits, - or _ after it."),
        ("SMS_DEFAULT_FROM", "206-5574", f"has 206-5574, {_NUMBER}"),
        ("SMS_DEFAULT_REGION", "USA", "has USA, which is not a country; write its two letters, like US."),
        ("SMS_NUMBERS", "+15162065574, 911", f"has 911, {_NUMBER}"),
        ("SMS_COUNTRIES", "US,XX", "has XX, which is not a country; write its two letters, like US."),
        ("SMS_COUNTRIES", ",", "is too short: name one country at least, like US,CA."),
        ("SMS_RATE_PER_NUMBER", "-1", "must be 0 or more."),
        ("SMS_RATE_PER_NUMBER", "inf", "must be 1000 or less."),
        ("SMS_GIVE_UP_MINUTES", "0", "must be more than 0."),
        ("SMS_GIVE_UP_MINUTES", "1e99", "must be 604800 or less."),
        ("SMS_LOOKUP_SECONDS", "60,15", _READ),
        ("SMS_LOOKUP_SECONDS", "0,15", _READ),
        ("SMS_LOOKUP_SECONDS", "a,b", _READ),
        ("SMS_LOOKUP_SECONDS", "1,nan", _READ),
        ("SMS_LOOKUP_SECONDS", ",", _READ),
        ("SMS_POLL_SECONDS", "0", "must be more than 0."),
        ("SMS_LEASE_SECONDS", "x", "must be a number."),
        ("SMS_SWEEP_SECONDS", "-1", "must be more than 0."),
        ("SMS_NUMBERS_SECONDS", "0", "must be more than 0."),
        ("DATABASE_URL", "mysql://localhost/x", "must begin with sqlite:/// or postgres://."),
        ("DATABASE_URL", "threadtext.sqlite3", "must begin with sqlite:/// or postgres://."),
        ("DATABASE_URL", "postgres://u:p@localhost:54x/t", _ADDRESS),
        ("DATABASE_URL", "postgres://u:p/w@localhost/t", _ADDRESS),
        (
            "SMS_INBOUND_CHANNEL",
            "#support",
            "has #support, which is no channel's id; it ends the channel's details, like C0123.",
        ),
        (
            "SMS_SHARED_CHANNELS",
            "C0123,#globex",
            "has #globex, which is no channel's id; it ends the channel's details, like C0123.",
        ),
        (
            "SMS_ADMINS",
            "U0123,@alice",
            "has @alice, which is no member's id; it is in the member's profile, under ⋮, like U0123.",
        ),
        ("SMS_TIME_ZONE", "EST5", "has EST5, which is no time zone; write one like America/New_York."),
        ("SMS_SEND_NOW", "perhaps", "must be true or false."),
        ("SMS_BRAND", "x" * 61, "must have 60 characters or fewer."),
        ("SMS_RETENTION_DAYS", "0", "must be more than 0."),
        ("PORT", "http", "must be a whole number."),
        ("PORT", "80.5", "must be a whole number."),
        ("PORT", "65536", "must be 65535 or less."),
        ("LOG_LEVEL", "loud", "must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'."),
        ("LOG_FORMAT", "xml", "must be 'console' or 'json'."),
    ],
)
def test_says_what_is_wrong_in_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str):
    """The sentence begins with the setting's name, and there is no other."""
    assert mistakes(monkeypatch, NEEDED | {name: value}) == [f"{name} {sentence}"]


def test_wrong_values_and_missing_ones_are_named_together(monkeypatch: pytest.MonkeyPatch):
    """Nobody mends one mistake only to read of the next."""
    named = mistakes(monkeypatch, {"CARRIERX_TOKEN": CARRIERX_TOKEN, "PORT": "x", "SMS_NUMBERS": "1,2"})

    assert [sentence.split()[0] for sentence in named] == [
        "SLACK_BOT_TOKEN",
        "SMS_NUMBERS",
        "SMS_NUMBERS",
        "PORT",
        "SLACK_SIGNING_SECRET",
    ]


def test_default_sender_must_be_one_of_the_numbers(monkeypatch: pytest.MonkeyPatch):
    """A default that may never be used is a mistake."""
    values = NEEDED | {"SMS_NUMBERS": "+15162065574", "SMS_DEFAULT_FROM": "+15162065575"}

    assert mistakes(monkeypatch, values) == [
        "SMS_DEFAULT_FROM is not among SMS_NUMBERS: add it there or choose another."
    ]


def test_defaults(monkeypatch: pytest.MonkeyPatch):
    """Three secrets are enough; everything else has a value that works."""
    read = settings(monkeypatch, NEEDED)

    assert read.model_dump(exclude=set(map(str.lower, NEEDED))) == {
        "slack_app_token": None,
        "slack_api_url": "https://slack.com/api/",
        "carrierx_api_url": "https://api.carrierx.com/core/v2",
        "carrierx_naming": "current",
        "carrierx_callback_secret": (),
        "sms_command": "/sms",
        "sms_default_from": None,
        "sms_default_region": "US",
        "sms_numbers": (),
        "sms_countries": ("US", "CA"),
        "sms_shared_channels": (),
        "sms_inbound_channel": "",
        "sms_admins": (),
        "sms_brand": "",
        "sms_help_contact": "",
        "sms_undo_seconds": 5.0,
        "sms_quiet_hours": "21:00-08:00",
        "sms_time_zone": "",
        "sms_send_now": True,
        "sms_broadcast_days": 3.0,
        "sms_nudge_minutes": 0.0,
        "sms_catch_up_seconds": 120.0,
        "sms_callback_wait_seconds": 60.0,
        "sms_retention_days": 365.0,
        "carrierx_verify_callbacks": False,
        "sms_media_kb": 1000,
        "sms_rate_per_number": 5.0,
        "sms_give_up_minutes": 60.0,
        "sms_lookup_seconds": (15.0, 60.0, 300.0),
        "sms_poll_seconds": None,
        "sms_lease_seconds": 30.0,
        "sms_sweep_seconds": 1.0,
        "sms_numbers_seconds": 300.0,
        "carrierx_connect_seconds": 5.0,
        "carrierx_answer_seconds": 10.0,
        "database_url": "sqlite:///threadtext.sqlite3",
        "host": "127.0.0.1",
        "port": 3000,
        "log_level": "INFO",
        "log_format": "console",
    }


def test_socket_mode_needs_no_signing_secret(monkeypatch: pytest.MonkeyPatch):
    """One of the two ways to Slack is enough."""
    values = {"SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_APP_TOKEN": APP_TOKEN, "CARRIERX_TOKEN": CARRIERX_TOKEN}

    assert settings(monkeypatch, values).slack_app_token is not None


@pytest.mark.parametrize(
    "value",
    ["US,CA", " us , ca ", "US,CA,"],
)
def test_lists_are_read_as_people_write_them(monkeypatch: pytest.MonkeyPatch, value: str):
    """Spaces, small letters and a comma too many do no harm."""
    assert settings(monkeypatch, NEEDED | {"SMS_COUNTRIES": value}).sms_countries == ("US", "CA")


def test_numbers_are_written_alike(monkeypatch: pytest.MonkeyPatch):
    """However a number is written, it is compared as E.164."""
    values = NEEDED | {"SMS_NUMBERS": "+1 516-206-5574", "SMS_DEFAULT_FROM": "+1 (516) 206-5574"}

    assert settings(monkeypatch, values).sms_numbers == ("+15162065574",)


def test_without_callbacks_a_texts_state_is_asked_for_sooner(monkeypatch: pytest.MonkeyPatch):
    """Where no receipt can come, nobody waits a minute for a first word."""
    without = settings(monkeypatch, NEEDED).poll
    with_callbacks = settings(monkeypatch, {"CARRIERX_CALLBACK_SECRET": NEW_SECRET}).poll

    assert (without.total_seconds(), with_callbacks.total_seconds()) == (2, 60)


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch):
    """Neither repr nor str holds any of them, the database's password included."""
    read = settings(monkeypatch, FULL)

    shown = f"{read!r} {read}"

    assert [secret for secret in SECRETS if secret in shown] == []


def test_every_secret_is_named_to_the_logs(monkeypatch: pytest.MonkeyPatch):
    """What the log lines are cleaned of is complete."""
    assert set(settings(monkeypatch, FULL).secrets) == set(SECRETS)


@pytest.mark.parametrize("name", FULL)
def test_sentences_never_show_a_secret(monkeypatch: pytest.MonkeyPatch, name: str):
    """A secret in a form that is refused is not repeated on the terminal either."""
    secret = "hush/" + "!" * 40

    named = " ".join(mistakes(monkeypatch, FULL | {"PORT": "x", name: secret}))

    assert secret not in named


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///threadtext.sqlite3",
        "sqlite:////var/lib/threadtext/threadtext.sqlite3",
        "postgres://anna:secret@db.example.com:5432/threadtext",
        "postgresql://anna@localhost/threadtext?sslmode=require",
        "postgresql+asyncpg://anna:a%2Fb@localhost/threadtext",
        "postgres://anna@one.example.com:5432,two.example.com:5433/threadtext",
        "postgres://anna@[::1]:5432/threadtext",
        "postgresql:///threadtext?host=/run/postgresql",
    ],
)
def test_database_addresses_as_people_write_them(monkeypatch: pytest.MonkeyPatch, url: str):
    """Heroku's, libpq's and SQLAlchemy's spellings are all taken."""
    assert settings(monkeypatch, NEEDED | {"DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize("values", [{}, {"DATABASE_URL": "sqlite:////data/threadtext.sqlite3"}])
def test_heroku_without_postgresql_stops(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]):
    """A file there would be lost with every text in it."""
    assert mistakes(monkeypatch, NEEDED | {"DYNO": "web.1"} | values) == [
        (
            "DATABASE_URL must be PostgreSQL's on Heroku: its disk is lost at each restart, and texts with it. "
            "Run `heroku addons:create heroku-postgresql`."
        )
    ]


def test_heroku_with_postgresql_starts(monkeypatch: pytest.MonkeyPatch):
    """What Heroku hands out is taken as it is."""
    url = "postgres://u:p@ec2.example.com:5432/d"

    assert settings(monkeypatch, NEEDED | {"DYNO": "web.1", "DATABASE_URL": url}).database_url == url


def write_env(values: Mapping[str, str]) -> None:
    """A `.env` in the working folder."""
    Path(".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))


def test_env_file_is_read():
    """A laptop needs nothing but a `.env`."""
    write_env(NEEDED | {"PORT": "4000"})

    assert Settings().port == 4000


def test_environment_wins_over_env_file(monkeypatch: pytest.MonkeyPatch):
    """What a service manager sets is not undone by a forgotten file."""
    write_env(NEEDED | {"PORT": "4000"})

    assert settings(monkeypatch, {"PORT": "5000"}).port == 5000


def test_other_programs_lines_in_env_file_do_no_harm():
    """A `.env` may be shared."""
    write_env(NEEDED | {"AWS_REGION": "us-east-1"})

    assert Settings().port == 3000


def test_env_file_that_an_editor_saved_as_utf16_stops_the_start_with_a_sentence():
    """As some of Windows do."""
    Path(".env").write_text("PORT=4000\n", encoding="utf-16")

    with pytest.raises(SettingsError, match=r"^\.env cannot be read: save it as UTF-8\.$"):
        read_settings()


def test_env_file_of_somebody_else_stops_the_start_with_a_sentence():
    """What is in it would be missed otherwise."""
    Path(".env").touch(mode=0)

    with as_nobody(), pytest.raises(SettingsError, match=r"^\.env cannot be read: Permission denied\.$"):
        read_settings()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read every file."""
    if (user := os.geteuid()) == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_misspelt_settings_stop_the_start(monkeypatch: pytest.MonkeyPatch):
    """Ignored, they would mean defaults, such as no quiet hours; other programs' settings are theirs."""
    Path(".env").write_text("CARRIERX_TOKEM=x\nSMS_BRAND_OLD=Acme\nSMSC_BRAND=x\nSLACK_CHANNEL=x\n")
    for name, value in (NEEDED | {"SMS_BRNAD": "Acme", "SMS_SOMETHING_NEWER": "1", "PATH_BRAND": "x"}).items():
        monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as caught:
        read_settings()

    assert caught.value.sentences == [
        "CARRIERX_TOKEM is no setting; if you mean CARRIERX_TOKEN, write it so, otherwise remove it.",
        "SMS_BRNAD is no setting; if you mean SMS_BRAND, write it so, otherwise remove it.",
    ]


def test_misspelt_settings_are_named_with_what_is_missing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CARRIERX_TOKN", "x")

    with pytest.raises(SettingsError) as caught:
        read_settings()

    assert [sentence.split()[0] for sentence in caught.value.sentences] == [
        "SLACK_BOT_TOKEN",
        "CARRIERX_TOKEN",
        "SLACK_SIGNING_SECRET",
        "CARRIERX_TOKN",
    ]


def test_empty_values_count_as_unset(monkeypatch: pytest.MonkeyPatch):
    """A line of .env.example that was left empty means its default."""
    empty = {name.upper(): "" for name in Settings.model_fields if name.upper() not in NEEDED}

    assert settings(monkeypatch, NEEDED | empty) == settings(monkeypatch, NEEDED)


def test_example_file_asks_for_what_is_needed_and_nothing_else(monkeypatch: pytest.MonkeyPatch):
    """Copied and not filled in, .env.example stops with the same sentences as no file at all."""
    without = mistakes(monkeypatch, {})
    Path(".env").write_text((ROOT / ".env.example").read_text())

    assert mistakes(monkeypatch, {}) == without


# The process


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on already."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@asynccontextmanager
async def run_bot(folder: Path, values: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m bot` in a folder of its own, with these settings and no others; gone at the end."""
    names = {name.upper() for name in (*Settings.model_fields, "dyno")}
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot"),
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), **values},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def files(folder: Path) -> list[str]:
    """What a process left in its folder."""
    return [path.name for path in folder.iterdir()]


async def hear(process: asyncio.subprocess.Process, event: str) -> None:
    """Wait until the bot has logged an event."""
    assert process.stdout is not None
    async for line in process.stdout:
        if json.loads(line)["event"] == event:
            return


async def last_words(process: asyncio.subprocess.Process) -> tuple[int | None, list[str]]:
    """The exit code, and the lines on standard error."""
    _, errors = await process.communicate()
    return process.returncode, errors.decode().splitlines()


def nowhere(**values: str) -> dict[str, str]:
    """Settings that are right, with a Slack and a CarrierX that do not answer."""
    away = {"SLACK_API_URL": "http://127.0.0.1:1/", "CARRIERX_API_URL": "http://127.0.0.1:1/"}
    return NEEDED | away | {"LOG_FORMAT": "json"} | values


async def test_wrong_settings_end_the_process(tmp_path: Path, taken: int):
    """One sentence each on standard error, code 2, no traceback; no file is made and no port is tried."""
    async with run_bot(tmp_path, {"PORT": str(taken), "LOG_LEVEL": "loud"}) as process:
        code, lines = await last_words(process)

    names = ["SLACK_BOT_TOKEN", "CARRIERX_TOKEN", "LOG_LEVEL", "SLACK_SIGNING_SECRET"]
    assert (code, [line.split()[0] for line in lines], files(tmp_path)) == (2, names, [])


async def test_taken_port_is_said_in_one_sentence(tmp_path: Path, taken: int):
    """Code 1, and where it wanted to listen."""
    async with run_bot(tmp_path, nowhere(PORT=str(taken))) as process:
        code, lines = await last_words(process)

    assert (code, lines) == (
        1,
        [
            (
                f"HOST and PORT, 127.0.0.1:{taken}, cannot be listened on: address already in use. "
                "Set others, or stop what listens there."
            )
        ],
    )


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "sqlite:///missing/t.sqlite3",
            "The folder of DATABASE_URL, missing, does not exist. Create it first.",
        ),
        ("sqlite:///folder", "The file of DATABASE_URL, folder, cannot be written: Is a directory."),
        ("sqlite:///notes.txt", "DATABASE_URL cannot be used: file is not a database."),
        (
            "postgres://u:p@127.0.0.1:1/t?sslmode=disable",
            "The database of DATABASE_URL does not answer: Connection refused.",
        ),
        (
            "postgres://u:p@127.0.0.1:1/t?sslmode=sometimes",
            (
                "DATABASE_URL cannot be used: `sslmode` parameter must be one of: "
                "disable, allow, prefer, require, verify-ca, verify-full."
            ),
        ),
    ],
)
async def test_unusable_database_is_said_in_one_sentence(tmp_path: Path, url: str, sentence: str):
    """Code 1 and no traceback, whatever is wrong with it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.txt").write_text("no database " * 100)

    async with run_bot(tmp_path, nowhere(PORT="0", DATABASE_URL=url)) as process:
        code, lines = await last_words(process)

    assert (code, lines) == (1, [sentence])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_starts_without_slack_and_carrierx_and_leaves_when_told(tmp_path: Path, number: signal.Signals):
    """Neither service being down stops a start; a signal ends it with code 0 and no complaint."""
    async with run_bot(tmp_path, nowhere(PORT="0")) as process:
        await hear(process, "app.listening")
        process.send_signal(number)
        said, errors = await process.communicate()

    levels = {json.loads(line)["level"] for line in said.splitlines()}
    assert (process.returncode, errors, levels & {"error", "critical"}) == (0, b"", set())

"""The house's rules that import-linter does not know: the map, the imports as written, what no file may hold."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot
from bot.settings import Settings

ROOT = Path(__file__).parents[1]
HIDDEN = {".git", ".venv", ".hypothesis", ".mypy_cache", ".ruff_cache", ".import_linter_cache", ".pytest_cache"}
TEXTS = {"", ".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".json", ".js", ".css", ".html", ".svg", ".mako"}

FIXED = {
    "SLACK_BOT_TOKEN",
    "SLACK_SIGNING_SECRET",
    "SLACK_APP_TOKEN",
    "SLACK_API_URL",
    "CARRIERX_TOKEN",
    "CARRIERX_API_URL",
    "CARRIERX_NAMING",
    "CARRIERX_CALLBACK_SECRET",
    "SMS_INBOUND_CHANNEL",
    "SMS_CATCH_UP_SECONDS",
    "SMS_CALLBACK_WAIT_SECONDS",
    "CARRIERX_VERIFY_CALLBACKS",
    "SMS_UNDO_SECONDS",
    "SMS_QUIET_HOURS",
    "SMS_TIME_ZONE",
    "SMS_ADMINS",
    "SMS_RETENTION_DAYS",
    "SMS_BRAND",
    "SMS_HELP_CONTACT",
    "SMS_COMMAND",
    "SMS_DEFAULT_FROM",
    "SMS_DEFAULT_REGION",
    "SMS_NUMBERS",
    "SMS_COUNTRIES",
    "SMS_RATE_PER_NUMBER",
    "SMS_GIVE_UP_MINUTES",
    "SMS_LOOKUP_SECONDS",
    "DATABASE_URL",
    "HOST",
    "PORT",
    "LOG_LEVEL",
    "LOG_FORMAT",
}
OURS = {
    "SMS_SHARED_CHANNELS": "allows a channel that another company sees",
    "SMS_SEND_NOW": "whether one may text somebody at night all the same",
    "SMS_BROADCAST_DAYS": "how long a thread rests before a text is shown in the channel too",
    "SMS_MEDIA_KB": "how large the files of one text may be",
    "SMS_NUDGE_MINUTES": "a nudge is off unless wanted",
    "SMS_POLL_SECONDS": "an interval, so that tests do not wait",
    "SMS_LEASE_SECONDS": "the same",
    "SMS_SWEEP_SECONDS": "the same",
    "SMS_NUMBERS_SECONDS": "the same",
    "CARRIERX_CONNECT_SECONDS": "the same",
    "CARRIERX_ANSWER_SECONDS": "the same",
}


def files() -> Iterator[Path]:
    """Every text file of the checkout that is ours."""
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and path.suffix in TEXTS and parts[0] not in HIDDEN and path.name != ".env":
            yield path


def held(pattern: str) -> list[str]:
    """Where a pattern is found: file, line and what."""
    found = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in files()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (match := found.search(line))
    ]


def rooms(text: str) -> dict[str, str]:
    """The lines of a map of bot/: each room and what it is for."""
    return dict(re.findall(r"^ {4}(\w+/?) +(\S.*)$", text, re.MULTILINE))


def test_the_map_is_the_folder():
    """bot/__init__.py names every module and package there is, and no other."""
    entries = [path for path in (ROOT / "bot").iterdir() if path.name not in {"__init__.py", "__pycache__"}]
    there = {f"{path.name}/" if path.is_dir() else path.stem for path in entries}

    assert set(rooms(bot.__doc__ or "")) == there


def test_the_readme_has_the_same_map():
    """Who reads the README finds the rooms as they are."""
    picture = (ROOT / "README.md").read_text().partition("\n## The map\n")[2].partition("\n## ")[0]

    assert rooms(picture) == rooms(bot.__doc__ or "")


def test_the_map_runs_nothing():
    """Importing bot does nothing: there is only a docstring."""
    [only] = ast.parse((ROOT / "bot/__init__.py").read_text()).body

    assert isinstance(only, ast.Expr)


def imports(path: Path) -> set[str]:
    """The first names of what a module imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.partition(".")[0] for name in plain | named}


@pytest.mark.parametrize("path", sorted((ROOT / "bot").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_bot_knows_nothing_of_what_surrounds_it(path: Path):
    """Neither playground, benchmarks nor tests reach production."""
    assert imports(path) & {"playground", "benchmarks", "tests", "pytest", "hypothesis"} == set()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "playground").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_the_playground_knows_nothing_of_the_tests(path: Path):
    """It runs where only requirements-demo.txt is installed."""
    assert imports(path) & {"benchmarks", "tests", "pytest", "hypothesis", "playwright", "psutil"} == set()


def test_settings_are_those_that_were_promised():
    """The names are fixed: people have them in their environments."""
    assert {name.upper() for name in Settings.model_fields} == {*FIXED, *OURS}


def test_no_file_names_a_package_registry():
    """Where packages come from is the machine's affair."""
    hosts = ("pypi" + r"\.org", "python" + r"hosted\.org", "registry" + r"\.npmjs", "proxy" + r"\.golang")

    assert held("|".join(hosts)) == []


def test_no_file_names_a_place_on_somebodys_machine():
    """A path that exists on one machine works on one machine."""
    assert held(r"(?<![\w.:/])/(?:home|Users|root|work|workspace)/\w") == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.txt")), ids=lambda path: path.name)
def test_requirements_are_pinned_with_hashes_and_no_addresses(path: Path):
    """Each line is a version with its hashes, and nothing says where to fetch it."""
    text = path.read_text()
    pinned = re.findall(r"^[\w.\[\]-]+==", text, re.MULTILINE)
    hashed = re.findall(r"^[\w.\[\]-]+==[^\n]*\\\n {4}--hash=sha256:", text, re.MULTILINE)

    assert pinned
    assert len(hashed) == len(pinned)
    assert re.findall(r"--(?:extra-)?index-url|--find-links|https?://", text) == []


def test_what_production_needs_is_pinned_alike_everywhere():
    """The tests run on what is deployed."""
    pins = [
        set(re.findall(r"^([\w.\[\]-]+==\S+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.txt", "requirements-demo.txt", "requirements-dev.txt")
    ]

    assert pins[0] <= pins[1] <= pins[2]

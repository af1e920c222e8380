"""The documents say what the code does: settings, scopes, the command, make's targets, paths, pictures."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.carrierx.callbacks import CALLBACKS_PATH
from bot.domain.command import Help, InlineText, OpenModal, parse_command
from bot.domain.orders import Order
from bot.errors import InvalidInputError
from bot.settings import Settings
from bot.slack.bolt import PATH
from bot.web import health_routes

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MANIFEST = (ROOT / "manifest.yml").read_text()
CONTRIBUTING = (ROOT / ".github/CONTRIBUTING.md").read_text()


def section(title: str) -> str:
    """What stands under a heading of the README, up to the next of its kind."""
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without their heads."""
    lines = [line.strip() for line in text.splitlines() if line.strip().startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = {place + step for place, row in enumerate(cells) if set(row[0]) == {"-"} for step in (-1, 0)}
    return [row for place, row in enumerate(cells) if place not in heads]


def show_default(value: Any) -> str:
    """A default as people write it into a `.env`."""
    if value is None or value in {(), ""}:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    values = value if isinstance(value, tuple) else (value,)
    return "`" + ",".join(f"{item:g}" if isinstance(item, float) else str(item) for item in values) + "`"


def test_settings_table_is_the_code():
    """Every setting with its default and its meaning, in one table and in one order."""
    told = [
        [
            f"`{name.upper()}`",
            "needed" if field.is_required() else show_default(field.default),
            field.description,
        ]
        for name, field in Settings.model_fields.items()
    ]

    assert rows(section("Settings")) == told


def test_env_example_names_settings_and_nothing_else():
    """A line that is copied from there is read."""
    example = (ROOT / ".env.example").read_text()
    named = re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)

    assert set(named) <= set(map(str.upper, Settings.model_fields))


def test_names_in_capitals_are_settings():
    """Nowhere does the README or the manifest speak of a setting that is not there."""
    prefixes = re.compile(r"\b(?:SLACK|CARRIERX|SMS|DATABASE|LOG)_[A-Z_]+\b")
    named = set(prefixes.findall(README + MANIFEST + CONTRIBUTING))

    assert named - set(map(str.upper, Settings.model_fields)) == set()


def test_scopes_are_the_manifests():
    """Who installs the app reads why it asks for each of its scopes."""
    asked = yaml.safe_load(MANIFEST)["oauth_config"]["scopes"]["bot"]

    assert [row[0].strip("`") for row in rows(section("Security"))] == asked


COMMANDS = [(row[0].strip("`"), row[1]) for row in rows(section("In Slack"))]


@pytest.mark.parametrize(("typed", "said"), COMMANDS, ids=[typed for typed, _ in COMMANDS])
def test_the_command_does_what_is_said(typed: str, said: str):
    """Each example of the README, read by the code."""
    try:
        asked = parse_command(typed.removeprefix("/sms"), region="US", countries=("US", "CA"))
    except InvalidInputError as error:
        found = error.user_message
    else:
        match asked:
            case InlineText(to, _):
                found = f"It goes to {to}"
            case OpenModal():
                found = "A form opens"
            case Help():
                found = "The grammar is shown"

    assert said.startswith(found)


def test_every_kind_of_command_has_an_example():
    """A text, the form, help and a mistake."""
    assert {said.split()[0] for _, said in COMMANDS} == {"It", "A", "The", "206-5574"}


ORDERS = [row[0].strip("`") for row in rows(section("Conversations"))]


@pytest.mark.parametrize("typed", ORDERS)
def test_the_administrators_orders_are_orders(typed: str):
    """Slack sends a channel's name as its id."""
    sent = typed.removeprefix("/sms").replace("#support", "<#C0SUPPORT|support>")
    asked = parse_command(sent, region="US", countries=("US", "CA"))

    assert isinstance(asked, Order)


def test_every_target_of_make_is_told():
    """In the Makefile's head and in the README alike, and none that is not there."""
    makefile = (ROOT / "Makefile").read_text()
    head = re.findall(r"^# make (\w+)", makefile, re.MULTILINE)
    targets = set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    told = [row[0].strip("`").removeprefix("make ") for row in rows(section("Development"))]
    mentioned = set(re.findall(r"\bmake ([a-z]+)`", README + CONTRIBUTING))

    assert sorted(told) == sorted(head)
    assert set(told) | mentioned <= targets


def headings(document: Path) -> set[str]:
    """The anchors of a document, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", ["README.md", "docs/tour.md", ".github/CONTRIBUTING.md"])
def test_links_lead_somewhere(document: str):
    """Every file that is linked to or shown exists, and every heading too."""
    path = ROOT / document
    links = re.findall(r"\]\((?!https://)([^)#]*)#?([^)]*)\)", path.read_text())
    targets = [(path.parent / name if name else path, anchor) for name, anchor in links]

    assert [target for target, _ in targets if not target.is_file()] == []
    assert [anchor for target, anchor in targets if anchor and anchor not in headings(target)] == []


def test_every_picture_is_shown_and_says_what_it_shows():
    """In the README or on the tour, with words for those who do not see it."""
    shown = re.findall(r"!\[([^\]]*)\]\((?:docs/)?([^)]*)\)", README + (ROOT / "docs/tour.md").read_text())

    assert sorted(name for _, name in shown) == sorted(path.name for path in ROOT.glob("docs/*.png"))
    assert [name for words, name in shown if len(words) <= 30] == []


def test_commands_between_the_lines_name_what_exists():
    """`make`, `python -m` and the files that shell lines of the README use."""
    shell = "\n".join(re.findall(r"^    (\S.*)$", README, re.MULTILINE))
    modules = re.findall(r"python -m (bot|playground)\b", README)
    files = re.findall(r"(?:-r|cp|install -m 600) (\S+)", shell)

    assert set(modules) == {"bot"}
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_the_proxies_pass_on_the_bots_two_paths():
    """Both examples let through what the bot serves to the world, and nothing else."""
    deploying = section("Deploying")

    assert f"location = {PATH} {{" in deploying
    assert f"location {CALLBACKS_PATH} {{" in deploying
    assert f"@bot path {PATH} {CALLBACKS_PATH}*" in deploying
    assert f"`https://YOUR-HOST{CALLBACKS_PATH}THE-SECRET`" in README


def test_the_lines_for_http_are_as_many_as_is_said():
    """Who edits the manifest knows when they are done."""
    lines = re.findall(r"^ +# \w+: https://YOUR-HOST", MANIFEST, re.MULTILINE)

    assert f"the {len(lines)} lines that say YOUR-HOST" in " ".join(README.split())


def test_procfile_listens_for_heroku():
    """Heroku sets PORT, and its router comes from outside."""
    assert (ROOT / "Procfile").read_text() == "web: HOST=0.0.0.0 python -m bot\n"


async def test_health_is_where_the_readme_says():
    """Every path that a monitor may ask is named."""

    async def write() -> None:
        """Succeed."""

    routes = health_routes(write, list)

    assert [route.path for route in routes if f"`GET {route.path}`" not in README] == []

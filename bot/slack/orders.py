"""What somebody who gave an order alone reads: what is set, what was done, and what is to be confirmed.

Words from outside stand in rich text only, where they format nothing and ping nobody.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot.domain.message import E164
from bot.domain.phone import show_number
from bot.domain.quiet_hours import QuietHours, show_quiet_hours
from bot.domain.rules import ChannelRule, Mode
from bot.services.administration import HoursSet, OptOut, Routes
from bot.slack.blocks import Content, show_button
from bot.slack.rich_text import (
    DAY_AND_CLOCK,
    Element,
    bullets,
    channel,
    clip,
    isolate,
    mention,
    moment,
    rich_text,
    section,
    words,
)
from bot.slack.text import to_slack_fallback

OPT_IN: Final = "sms_opt_in"
ERASE: Final = "sms_erase"
DISMISS: Final = "sms_dismiss"

_WORDS = 80  # characters of what somebody texted
_LISTED = 50  # of our numbers on one screen
_MODES = {
    Mode.ASK: "Replies in threads here are texted when their author says so (ask).",
    Mode.AUTO: "Replies in threads here are texted by themselves, except notes (auto).",
    Mode.OFF: "Replies in threads here are never texted (off).",
}
_EVERYONE = " Guests, other companies' people, bots and workflows may text from here, too."

Name = Callable[[E164], str]
"""What the account calls one of our numbers, "" when it has no name."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be confirmed; it travels in the button.

    Attributes:
        number: The phone.
        since: The very opt-out that is to be lifted, or when it was asked.
        reason: Why, for the ledger.
    """

    number: E164
    since: datetime
    reason: str = ""


def write_wish(wish: Wish) -> str:
    """For a button's value."""
    said = {"number": wish.number, "since": wish.since.isoformat(), "reason": wish.reason}
    return json.dumps(said, ensure_ascii=False)


def read_wish(value: str) -> Wish:
    """From a button's value."""
    said = json.loads(value)
    return Wish(said["number"], datetime.fromisoformat(said["since"]), said["reason"])


def show_routes(routes: Routes, name: Name, is_open: Callable[[str], bool], command: str) -> Content:
    """Where texts to our numbers go.

    Args:
        routes: As they are set.
        name: Of one of our numbers.
        is_open: Whether a channel still takes posts, as far as is known.
        command: The slash command.
    """
    lines = []
    for number, where in list(routes.channels.items())[:_LISTED]:
        closed = "" if is_open(where) else ", which is archived or not open to me: they go where all others go"
        lines.append([words(f"{_name(number, name)}: "), channel(where), *([words(closed)] if closed else [])])
    home = [channel(routes.home)] if routes.home else [words("the administrators, in a direct message with me")]
    lines.append([words("All other numbers: " if lines else "All numbers: "), *home])
    return _list("Where new conversations are shown", lines, f"{command} route NUMBER #channel", "sets one.")


def show_route(number: E164, channel_id: str, name: Name) -> Content:
    """That a route was set."""
    lead = f"New conversations with {_name(number, name)} are shown "
    where = [words("in "), channel(channel_id)] if channel_id else [words("where those of all other numbers are")]
    said = [words(lead), *where, words(" from now on. Conversations that have a thread stay in it.")]
    return Content(to_slack_fallback(f"{lead.strip()} elsewhere now."), (rich_text(section(*said)),))


def show_mode(rule: ChannelRule, command: str, *, changed: bool) -> Content:
    """What becomes of replies in this channel."""
    said = _MODES[rule.mode] + (_EVERYONE if rule.everyone else "")
    if changed:
        return _say(said)
    return _list(said, [], f"{command} mode auto", "and so on changes it, for administrators.")


def show_hours(hours: HoursSet, name: Name, command: str) -> Content:
    """When nobody is texted first."""
    lines = [
        [words(f"{_name(number, name)}: {_hours(theirs)}")] for number, theirs in list(hours.numbers.items())[:_LISTED]
    ]
    lines.append([words(f"{'All other numbers' if lines else 'All numbers'}: {_hours(hours.usual)}")])
    lead = "Quiet hours, by the phone's clock"
    return _list(lead, lines, f"{command} hours NUMBER 21:00-08:00", "sets them, or off, or default.")


def show_hours_set(number: E164, hours: HoursSet, name: Name) -> Content:
    """That quiet hours were set."""
    theirs = hours.numbers.get(number, hours.usual)
    usual = "" if number in hours.numbers else ", as for all others"
    ours = _name(number, name)
    if theirs is None:
        return _say(f"{ours} has no quiet hours{usual}: people may be texted first from it at any hour.")
    return _say(f"Nobody is texted first from {ours} at {show_quiet_hours(theirs)} by the phone's clock{usual}.")


def show_opt_outs(newest: tuple[OptOut, ...], total: int, name: Name, command: str) -> Content:
    """Who asked for no more texts."""
    if not newest:
        return _say("Nobody is opted out.")
    lead = "1 number is opted out." if total == 1 else f"{total:,} numbers are opted out."
    if total > len(newest):
        lead += f" The newest {len(newest)}:"
    lines = [
        [
            words(show_number(each.number), bold=True),
            words(" since "),
            moment(each.since, DAY_AND_CLOCK),
            *_by(each, name),
        ]
        for each in newest
    ]
    return _list(lead, lines, f"{command} optin NUMBER REASON", "lifts one, when they have asked you for it.")


def ask_opt_in(standing: OptOut, reason: str, name: Name) -> Content:
    """What lifting an opt-out means, before it is done."""
    who = show_number(standing.number)
    lead = f"Text {who} again?"
    body = [
        section(words(lead, bold=True)),
        section(
            words(f"{who} is opted out since "), moment(standing.since, DAY_AND_CLOCK), *_by(standing, name), words(".")
        ),
        section(
            words(
                "Confirm only when they have asked you for texts again. They may then be texted from all your numbers. "
                f"The ledger keeps that you lifted it, and why: “{reason}”."
            )
        ),
    ]
    return _ask(lead, body, OPT_IN, Wish(standing.number, standing.since, reason))


def show_opt_in(number: E164) -> Content:
    """That an opt-out was lifted."""
    return _say(f"{show_number(number)} may be texted again. The ledger has your name and the reason.")


def ask_erase(number: E164, asked_at: datetime) -> Content:
    """What erasing means, before it is done."""
    who = show_number(number)
    lead = f"Erase what was written with {who}?"
    body = [
        section(words(lead, bold=True)),
        bullets(
            [words(f"Texts to and from {who}, also in groups with it, and their media links are erased here.")],
            [words("My messages in Slack say “(erased)” then. What colleagues wrote in Slack is theirs to delete.")],
            [words("Texts that still wait to go to it are canceled.")],
            [words("Phones and CarrierX keep their copies. An opt-out stands, and the ledger keeps its words.")],
        ),
        section(words("It cannot be undone.")),
    ]
    return _ask(lead, body, ERASE, Wish(number, asked_at))


def show_erase(number: E164, canceled: int) -> Content:
    """That texts are being erased."""
    waiting = f" {canceled} that waited {'was' if canceled == 1 else 'were'} canceled." if canceled else ""
    return _say(
        f"What was written with {show_number(number)} is being erased; my messages in Slack follow.{waiting} "
        "The ledger has your name."
    )


def _name(number: E164, name: Name) -> str:
    return " ".join(filter(None, (isolate(name(number), 40), show_number(number))))


def _hours(hours: QuietHours | None) -> str:
    return show_quiet_hours(hours) if hours else "none"


def _by(standing: OptOut, name: Name) -> list[Element]:
    """By what words, and whose decision it was."""
    said = f", by “{isolate(clip(standing.words, _WORDS), _WORDS)}”" if standing.words.strip() else ""
    said += f" to {_name(standing.ours, name)}" if standing.ours else ""
    elements = [words(said)] if said else []
    if standing.user_id:
        elements += [words(", decided by "), mention(standing.user_id)]
    return elements


def _say(sentence: str) -> Content:
    return Content(to_slack_fallback(sentence), (rich_text(section(words(sentence))),))


def _list(lead: str, lines: list[list[Element]], code: str, does: str) -> Content:
    """A lead, a line each, and what to type to change it."""
    remedy: Element = {"type": "text", "text": code, "style": {"code": True}}
    listed = [bullets(*lines)] if lines else []
    body = [section(words(lead, bold=True)), *listed, section(remedy, words(f" {does}"))]
    return Content(to_slack_fallback(lead), (rich_text(*body),))


def _ask(lead: str, body: list[Element], action_id: str, wish: Wish) -> Content:
    confirm: Mapping[str, Any] = {**show_button("Confirm", action_id, write_wish(wish)), "style": "danger"}
    cancel = show_button("Cancel", DISMISS, "cancel")
    return Content(to_slack_fallback(lead), (rich_text(*body), {"type": "actions", "elements": [confirm, cancel]}))

"""What one person alone reads: help, and sentences that say what is wrong."""

from typing import Any

from bot.slack.blocks import Content
from bot.slack.rich_text import Element, bullets, clip, rich_text, section, words
from bot.slack.text import to_slack_fallback

_NOTICE = 2_900  # characters of a section in a modal


def show_sentence(sentence: str) -> Content:
    """A sentence in which `…` is code; it may quote what somebody typed, so it is no mrkdwn."""
    said = sentence.strip() or "Something went wrong here."
    return Content(to_slack_fallback(said), (rich_text(section(*_with_code(said))),))


def show_notice(sentence: str) -> dict[str, Any]:
    """A modal with nothing but a sentence, for shortcuts, which have nowhere else to answer."""
    text = {"type": "plain_text", "text": clip(sentence.replace("`", ""), _NOTICE), "emoji": False}
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Send a text", "emoji": False},
        "close": {"type": "plain_text", "text": "Close", "emoji": False},
        "blocks": [{"type": "section", "text": text}],
    }


def show_help(command: str, example: str) -> Content:
    """The grammar on one screen.

    Args:
        command: As it was set up, `/sms`.
        example: A phone number as people here write it.
    """
    usage = (
        f"`{command} {example} Running ten minutes late` texts one phone.",
        f"`{command}` alone opens a form: several people, a group MMS, pictures, another number to send from.",
        f"`{command} mode`, `{command} hours` and `{command} routes` show what is set, `{command} status` what works.",
        f"`{command} help` shows this.",
    )
    more = (
        "Write the number as you would dial it; the text is all that follows.",
        "It goes out from the number last used in this channel, else the one that you used last, else the default.",
        "The phone gets what you see: names instead of mentions, emoji as emoji, links written out.",
        "The channel shows what was sent and whether it arrived. If it did not, you are called, with the reason.",
        "To text somebody's message on, open its menu and choose “Text this…”.",
        (
            f"For administrators: `{command} mode auto`; `{command} hours NUMBER 21:00-08:00`; "
            f"`{command} route NUMBER #channel`; `{command} optouts`; `{command} optin NUMBER why`; "
            f"`{command} erase NUMBER`."
        ),
    )
    title = "Text a phone from Slack"
    block = rich_text(
        section(words(title, bold=True)),
        bullets(*map(_with_code, usage)),
        section(words("Good to know", bold=True)),
        bullets(*map(_with_code, more)),
    )
    return Content(to_slack_fallback("\n".join((title, *usage, *more))), (block,))


def _with_code(text: str) -> list[Element]:
    """Every other stretch between backticks is code."""
    stretches = enumerate(text.split("`"))
    return [_code(part) if place % 2 else words(part) for place, part in stretches if part]


def _code(text: str) -> Element:
    return {"type": "text", "text": text, "style": {"code": True}}

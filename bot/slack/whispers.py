"""What the author of a reply alone reads beside it, with the buttons that belong to it."""

from typing import Final

from bot.domain.groups import name_phones, show_reach
from bot.services.replying import Answered, Former, Say, Told
from bot.slack.blocks import Content, show_button
from bot.slack.conversation import name_thread
from bot.slack.rich_text import Element, clip, mention, quote, rich_text, section, words
from bot.slack.text import to_slack_fallback

TEXT_REPLY: Final = "sms_text_reply"
TEXT_ANYWAY: Final = "sms_text_anyway"
UNDO: Final = "sms_undo"

_QUOTED = 300  # characters of somebody else's answer


def show_told(told: Told, undo_seconds: float) -> Content:
    """What became of a reply, and what its author can do about it.

    Args:
        told: What to say.
        undo_seconds: How long a reply that goes by itself can be taken back.
    """
    lead, button = _say(told, undo_seconds)
    body: list[Element] = [section(words(lead))]
    said = lead
    if told.answered is not None:
        body += _show_answered(told.answered)
        said += f" Somebody else has just answered: {_quote_answer(told.answered)}"
    blocks: list[Element] = [rich_text(*body)]
    if button is not None:
        blocks.append({"type": "actions", "elements": [button]})
    return Content(to_slack_fallback(said), tuple(blocks))


def _say(told: Told, undo_seconds: float) -> tuple[str, Element | None]:
    reach = show_reach(told.members, told.stopped, named=True) if told.members else ""
    match told.say:
        case Say.ASK:
            why = f" {told.why}" if told.why else ""
            # It may stand here after a reaction has sent the reply, so it must be true then too.
            goes = f" It goes {reach}." if reach else ""
            lead = f"Your reply stays in Slack until you send it.{why}{goes} Press the button or react with 📤."
            return lead, show_button(_name_send(told), TEXT_REPLY, told.reply_id)
        case Say.HELD:
            return f"Your reply stays in Slack. {told.why}", None
        case Say.UNDO:
            # It stands there when the reply has gone, too.
            after = f"{undo_seconds:g} s after you wrote it"
            lead = f"{after}, it goes {reach}." if reach else f"It goes to the phone {after}."
            return lead, show_button("Undo", UNDO, told.reply_id)
        case Say.KEPT:
            return told.why or "The phone keeps what was sent; to put it right, write again.", None
        case Say.MET if told.returned or told.answered is not None:
            why = "an answer went out after you wrote."
            if told.returned:
                take = "takes" if len(told.returned) == 1 else "take"
                why = f"{name_phones(told.returned)} {take} texts again since you wrote. It goes {reach}."
            return f"Not sent yet: {why}", show_button("Send anyway", TEXT_ANYWAY, told.reply_id)
        case _:
            return f"Sent {reach or 'to the phone'}.", None


def _name_send(told: Told) -> str:
    """The button's label."""
    total, reached = len(told.members), len(told.members) - len(told.stopped)
    if reached < 2:  # noqa: PLR2004 -- one phone, in a group or alone
        return "Send to phone"
    return f"Send to {reached} of {total}" if told.stopped else f"Send to all {total}"


def show_left(former: Former, workspace: str) -> Content:
    """Of a reply in a thread that its conversation has left: that it was not sent, and where to write.

    Args:
        former: Where the conversation is now.
        workspace: Slack's address of the workspace, "" when it is not known.
    """
    lead = "Not sent to the phone: this conversation goes on "
    if former.channel[:1] not in {"C", "G"}:
        return Content(f"{lead}elsewhere.", (rich_text(section(words(f"{lead}elsewhere."))),))
    place = name_thread(former.channel, former.thread_ts, workspace)
    said = f"{lead}in <#{former.channel}>. Write it there."
    return Content(said, (rich_text(section(words(f"{lead}in "), *place, words(". Write it there."))),))


def show_met(told: Told) -> Content:
    """Of a reply that went by itself: that another one went just before."""
    assert told.answered is not None
    lead = "Your reply goes to the phone, and so did another one just before."
    said = f"{lead} {_quote_answer(told.answered)}"
    return Content(to_slack_fallback(said), (rich_text(section(words(lead)), *_show_answered(told.answered)),))


def _show_answered(answered: Answered) -> list[Element]:
    """Names, but calls nobody: a whisper reaches one person only."""
    return [
        section(mention(answered.user_id), words(" has just answered:")),
        quote(_quote_answer(answered)),
    ]


def _quote_answer(answered: Answered) -> str:
    return clip(answered.text, _QUOTED) or "(no text, media only)"

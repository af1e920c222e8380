"""What a conversation looks like in Slack: texts from phones, our own answers, and where it goes on.

Text from outside stands in rich text only, where it can format nothing and ping nobody.
"""

from typing import Final

from bot.domain.groups import show_reach
from bot.domain.message import Batch, Inbound, Note, PictureState, Purpose, Wish
from bot.domain.phone import show_number
from bot.slack import states
from bot.slack.blocks import Content, show_button, show_media, show_text
from bot.slack.rich_text import (
    DAY_AND_CLOCK,
    Element,
    channel,
    isolate,
    link,
    mention,
    moment,
    quote,
    rich_text,
    section,
    show_moment,
    words,
)
from bot.slack.text import to_slack_fallback

OPT_OUT: Final = "sms_opt_out"
KEEP: Final = "sms_keep"

_MOVED = {
    "archived": "is archived or gone",
    "restricted": "takes no posts from apps",
}
_PURPOSES = {
    Purpose.STOP: "Answered STOP by itself",
    Purpose.HELP: "Answered HELP by itself",
    Purpose.START: "Answered START by itself",
}
_KEYWORDS = {  # and whether the phone is opted out: in CarrierX's order another word may have come after this one
    ("stop", True): words("Opted out: nobody can text this number from here until it texts START.", bold=True),
    ("stop", False): words("This came late: they have been opted in again since, so this number may be texted."),
    ("start", False): words("Opted in again: this number may be texted.", bold=True),
    ("start", True): words("This came late: they have been opted out since, so nobody can text this number from here."),
}


def show_inbound(text: Inbound, our_name: str = "", *, command: str = "/sms") -> Content:
    """A text from a phone.

    Args:
        text: As it stands now.
        our_name: What the account calls our number, "" when it has no name.
        command: The slash command.
    """
    who = show_number(text.sender)
    ours = " ".join(filter(None, (isolate(our_name, 40), show_number(text.ours))))
    to = f" texted {ours}" if text.thread_ts is None else " texted"
    others = [number for number in text.members if number != text.sender]
    group = f" and {', '.join(map(show_number, others))} (a group)" if others and text.thread_ts is None else ""
    what = show_text(text.text, erased=text.erased)

    body = [section(words(who, bold=True), words(f"{to}{group}")), quote(what)]
    body += [section(*line) for line in _show_pictures(text)]
    said = f"{who}{to}{group}: {what}"
    if text.late:
        body.append(section(words("Received "), moment(text.received_at, DAY_AND_CLOCK), words(", shown late.")))
        said += f" · received {show_moment(text.received_at)}, shown late"
    notes = [_explain(text), _explain_reach(text), _explain_place(text, command)]
    body += [section(*note) for note in notes if note]
    return Content(to_slack_fallback(said), (rich_text(*body), *_ask(text)))


def _show_pictures(text: Inbound) -> list[list[Element]]:
    """Where the files are that came with it: on their way, below, or nowhere, with the reason."""
    if text.erased:
        return []
    linked = (PictureState.WANTED, PictureState.FETCHED, PictureState.SHARING, PictureState.LINKED)
    lines = []
    if links := [each.url for each in text.pictures if each.state in linked]:
        lines.append(show_media(links))
    if shared := sum(each.state is PictureState.SHARED for each in text.pictures):
        lines.append([words("Its file is below." if shared == 1 else f"Its {shared} files are below.")])
    lines += [
        [words(f"A file that came along cannot be shown: {each.reason}. "), *show_media([each.url])]
        for each in text.pictures
        if each.state is PictureState.FAILED
    ]
    return lines


def _explain(text: Inbound) -> list[Element]:
    """What a keyword did, or what somebody decided."""
    if text.decided_by:
        done = "opted them out" if text.wish is Wish.STOPPED else "decided that this is no wish to stop"
        return [mention(text.decided_by), words(f" {done}."), *_leave_out(text)]
    if said := _KEYWORDS.get((text.keyword, text.blocked)):
        return [said, *_leave_out(text)]
    if text.wish is Wish.OPEN:
        return [words("This may be a wish for no more texts. What do you say?")]
    if text.blocked and text.members:
        return [words("This number is opted out: replies here leave it out until it texts START.")]
    if text.blocked:
        return [words("This number is opted out: answers do not go until it texts START.")]
    return []


def _leave_out(text: Inbound) -> list[Element]:
    """What the end of it means for the group that it was said to."""
    ends = text.wish is Wish.STOPPED or (text.keyword == "stop" and text.blocked)
    return [words(" Replies here leave it out.")] if text.members and ends else []


def _explain_reach(text: Inbound) -> list[Element]:
    """Where a reply goes, where a group's thread begins."""
    if not text.members or text.thread_ts is not None:
        return []
    return [words(f"A reply goes {show_reach(text.members, text.stopped)}.")]


def _ask(text: Inbound) -> tuple[Element, ...]:
    if text.wish is not Wish.OPEN:
        return ()
    buttons = [show_button("Opt out", OPT_OUT, text.id), show_button("Keep", KEEP, text.id)]
    return ({"type": "actions", "elements": buttons},)


def _explain_place(text: Inbound, command: str) -> list[Element]:
    if text.moved == "unrouted":
        how = f"{command} route {show_number(text.ours)} #channel"
        return [
            words("Nobody has said where texts to this number go. "),
            words(f"An administrator can type {how}, or set SMS_INBOUND_CHANNEL."),
        ]
    if not text.moved:
        return []
    where = channel(text.asked_in) if text.asked_in[:1] in {"C", "G"} else words("the conversation's place")
    why = _MOVED.get(text.moved, "does not have me as a member any more")
    return [words("This conversation goes on here because "), where, words(f" {why}.")]


def show_answer(batch: Batch) -> Content:
    """What we answered by ourselves, and what became of it."""
    [text] = batch.messages
    lead = _PURPOSES.get(text.purpose, "Answered by itself")
    state = states.state((text, text.recipients[0]))
    what = show_text(text.text, erased=text.erased)
    body = [section(words(lead, bold=True)), quote(what), section(words(state, bold=True))]
    return Content(to_slack_fallback(f"{lead}: {what} · {state}"), (rich_text(*body),))


def show_note(note: Note) -> Content:
    """Words of our own, in which nothing comes from outside."""
    return Content(note.text, ())


def show_link(channel_id: str, ts: str, workspace: str) -> Content:
    """Where the conversation goes on, for the thread that it left.

    Args:
        channel_id: Where it is now.
        ts: Its first message there.
        workspace: Slack's address of the workspace, "" when it is not known.
    """
    where = [words("This conversation goes on in "), *name_thread(channel_id, ts, workspace)]
    said = f"This conversation goes on in <#{channel_id}>. Replies here are not texted."
    return Content(said, (rich_text(section(*where, words(". Replies here are not texted."))),))


def name_thread(channel_id: str, ts: str, workspace: str) -> list[Element]:
    """A channel, with a link to a thread in it where Slack's address of the workspace and the thread are known."""
    elements = [channel(channel_id)]
    if workspace and ts:
        url = f"{workspace.rstrip('/')}/archives/{channel_id}/p{ts.replace('.', '')}"
        elements += [words(": "), link(url, "its new thread")]
    return elements

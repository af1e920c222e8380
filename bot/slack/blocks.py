"""What a batch looks like in Slack: the channel message, the status reply and, when something went wrong, a third.

Limits, docs.slack.dev/reference/block-kit: 50 blocks a message; a message whose blocks hold more than about 13,200
characters fails with `msg_blocks_too_long`. Everything here stays well under both with 50 recipients.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from bot.domain.failures import helps_again, helps_edit, read_stopped, show_failure
from bot.domain.groups import show_reach, show_stopped
from bot.domain.message import E164, Batch, Cause, Message, Recipient, Status
from bot.domain.phone import show_number
from bot.slack import states
from bot.slack.rich_text import (
    CLOCK,
    DAY_AND_CLOCK,
    Element,
    Phrase,
    bullets,
    channel,
    clip,
    isolate,
    link,
    mention,
    moment,
    phrase,
    quote,
    rich_text,
    section,
    show_phrase,
    words,
)
from bot.slack.states import Copy
from bot.slack.text import to_slack_fallback

CANCEL: Final = "sms_cancel"
AGAIN: Final = "sms_again"
EDIT: Final = "sms_edit"
SEND_NOW: Final = "sms_send_now"

_MOVED = {"archived": "is archived", "restricted": "takes no posts from apps"}
_NAMED = 6  # recipients named in the channel message; the thread has a line for each
_DETAILED = 8  # recipients with the time of every step; beyond it each line has the time of its newest
_LINKED = 4_000  # characters of media URLs in one message; the rest are shown without a link
_GROUPS = 8  # different reasons in one trouble reply
_SENTENCE = 400  # characters of one reason: CarrierX's own sentence may be part of it
_FILE_NAME = 60  # characters of a file's name


@dataclass(frozen=True, slots=True)
class Content:
    """A message for Slack.

    Attributes:
        text: What notifications and screen readers say; escaped.
        blocks: What everybody else sees.
    """

    text: str
    blocks: tuple[Element, ...]


def show_root(batch: Batch, our_name: str = "") -> Content:
    """The channel message: who texted whom, from where, what, and the newest state.

    Args:
        batch: As it stands now.
        our_name: What the account calls the number it was sent from, "" when it has no name.
    """
    first = batch.messages[0]
    who = isolate(batch.user_name) or "Somebody"
    again = " again" if batch.again else ""
    ours = " ".join(filter(None, (isolate(our_name, 40), show_number(first.sender))))
    to = _name_recipients(batch)
    said = next((message for message in batch.messages if not message.erased), first)
    what = show_text(said.text, erased=said.erased)
    newest = _newest(batch)

    body = [
        section(words(who, bold=True), words(" texted "), words(to, bold=True), words(f"{again} from {ours}")),
        quote(what),
    ]
    stored = {file.url for file in batch.files}
    urls = [url for url in said.media_urls if url not in stored]
    if urls:
        body.append(section(*show_media(urls)))
    if batch.files and not said.erased:
        names = ", ".join(isolate(clip(file.name, _FILE_NAME)) for file in batch.files)
        body.append(section(words(f"Files: {names}")))
    body.append(section(*newest.elements))
    reach = _show_reach(batch)
    if reach:
        body.append(section(words(reach)))
    if batch.moved:
        body.append(section(*_show_moved(batch)))

    media = _count(len(urls) + len(batch.files), "media file") if urls or batch.files else ""
    whole = f"{who} texted {to}{again} from {ours}: {what}{f' ({media})' if media else ''} · {newest.text}"
    whole += f" · {reach}" if reach else ""
    return Content(to_slack_fallback(whole), (rich_text(*body),))


def _show_reach(batch: Batch) -> str:
    """Where a reply goes, where a group's thread begins."""
    if not batch.messages[0].group or batch.thread_ts is not None:
        return ""
    return f"A reply goes {show_reach([phone.number for phone in batch.messages[0].recipients], batch.stopped)}."


def show_status(batch: Batch, *, send_now: bool = True) -> Content:
    """The first reply, edited in place: every step with its time, a line per recipient, what was done to files.

    Args:
        batch: As it stands now.
        send_now: A text that waits for the morning may be sent all the same.
    """
    every = states.copies(batch)
    newest = _newest(batch)
    body = [section(*newest.elements)]
    if len(every) == 1:
        body.append(section(*_show_steps(every[0])))
    else:
        body.append(section(words("accepted "), moment(every[0][0].accepted_at, DAY_AND_CLOCK)))
        talk = batch.reply is not None  # it stands among what people say, and is short
        detailed = len(every) <= _DETAILED and not talk
        body.append(bullets(*(_show_line(copy, detailed=detailed, billed=not talk) for copy in every)))
    if batch.reply is not None and batch.stopped:
        body.append(section(words(f"Not sent to {show_stopped(batch.stopped)}.")))
    body += [section(words(line)) for line in _show_fitting(batch)]

    blocks = [rich_text(*body)]
    buttons = [show_button("Cancel", CANCEL, batch.id)] if states.can_cancel(batch) else []
    if send_now and states.can_send_now(batch):
        buttons.append(show_button("Send now", SEND_NOW, batch.id))
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    return Content(to_slack_fallback(newest.text), tuple(blocks))


def _show_fitting(batch: Batch) -> list[str]:
    """What was done to files so that they fit."""
    return [
        f"{isolate(clip(file.name, _FILE_NAME))}: {file.said}." if len(batch.files) > 1 else f"{_begin(file.said)}."
        for file in batch.files
        if file.said
    ]


def _begin(clause: str) -> str:
    """A clause as a sentence."""
    return clause[:1].upper() + clause[1:]


def show_trouble(batch: Batch) -> Content | None:
    """The reply that calls the sender when a text failed or nobody can tell; None when there is no such text.

    It was posted for what has been sent again since, so it stays, without the button and saying so. A text that was
    unconfirmed and has arrived after all is no trouble any more: with it the reply is gone.
    """
    bad = [copy for copy in states.copies(batch) if copy[1].status in {Status.FAILED, Status.UNCONFIRMED}]
    if not bad:
        return None
    total = sum(len(message.recipients) for message in batch.messages)
    lead = _lead(bad, total)
    groups = _group(bad)
    shown, left = groups[:_GROUPS], groups[_GROUPS:]

    body = [section(mention(batch.user_id), words(f" {lead}"))]
    sentences = [lead]
    for sentence, numbers in shown:
        who = "" if total == 1 or not numbers else ", ".join(numbers) + ": "
        body.append(section(*([words(who, bold=True)] if who else []), words(sentence)))
        sentences.append(who + sentence)
    if left:
        rest = f"And {_count(sum(len(numbers) for _, numbers in left), 'more')}; the reply above has them."
        body.append(section(words(rest)))
        sentences.append(rest)

    blocks = [rich_text(*body)]
    open_ones = [
        recipient for message, recipient in bad if not (recipient.retried or message.erased or _is_opted_out(recipient))
    ]
    if buttons := _show_ways_on(batch.id, open_ones):
        blocks.append({"type": "actions", "elements": buttons})
    return Content(f"<@{batch.user_id}> {to_slack_fallback(' '.join(sentences))}", tuple(blocks))


@dataclass(frozen=True, slots=True)
class _Newest:
    """The newest state, for the eye and for the ear."""

    elements: list[Element]
    text: str


def _newest(batch: Batch) -> _Newest:
    every = states.copies(batch)
    line = states.state(every[0]) if len(every) == 1 else states.summary(batch)
    notes: list[Phrase] = []
    for message in batch.messages:
        if (said := _note(message, alone=len(every) == 1)) and not _says_the_same(said, notes):
            notes.append(said)
    elements = [words(line, bold=True)]
    for said in notes:
        elements += [words("\n"), *phrase(said)]
    return _Newest(elements, ". ".join([line, *map(show_phrase, notes)]))


def _note(message: Message, *, alone: bool) -> Phrase:
    """Why it stands where it does; reasons of failures only where there is just one, several have their own reply."""
    failure = message.recipients[0].failure
    if alone and failure is not None:
        return (clip(show_failure(failure)[0], _SENTENCE),)
    return states.note(message)


def _says_the_same(said: Phrase, notes: list[Phrase]) -> bool:
    """Fifty texts that wait for the same reason need one sentence, with the first one's time."""
    return any(note[0] == said[0] for note in notes)


def _name_recipients(batch: Batch) -> str:
    numbers = [show_number(recipient.number) for _, recipient in states.copies(batch)]
    group = "a group: " if batch.messages[0].group else ""
    if len(numbers) <= _NAMED:
        return group + ", ".join(numbers)
    return f"{group}{', '.join(numbers[: _NAMED - 1])} and {len(numbers) - _NAMED + 1} more"


def show_text(text: str, *, erased: bool) -> str:
    """What a text says, which is never nothing: Slack refuses that."""
    return text.strip() or ("(erased)" if erased else "(no text, media only)")


def show_media(urls: Iterable[str]) -> list[Element]:
    """Media as links with short names."""
    elements = [words("Media: ")]
    spent = 0
    for place, url in enumerate(urls):
        if place:
            elements.append(words(", "))
        spent += len(url)
        name = _name_url(url)
        elements.append(link(url, name) if spent <= _LINKED else words(name))
    return elements


def _name_url(url: str) -> str:
    parts = urlsplit(url)
    return clip(f"{parts.hostname or ''}/{parts.path.rsplit('/', 1)[-1]}", 60)


def _show_moved(batch: Batch) -> list[Element]:
    where = channel(batch.asked_in) if batch.asked_in[:1] in {"C", "G"} else words("another conversation")
    why = _MOVED.get(batch.moved, "does not have me as a member")
    return [words("Shown here because "), where, words(f" {why}.")]


def _show_steps(copy: Copy) -> list[Element]:
    elements: list[Element] = []
    for name, at, with_day in states.steps(copy):
        lead = " · " if elements else ""
        elements += [words(f"{lead}{name} "), moment(at, DAY_AND_CLOCK if with_day else CLOCK)]
    return elements


def _show_line(copy: Copy, *, detailed: bool, billed: bool) -> list[Element]:
    _, recipient = copy
    number = words(show_number(recipient.number), bold=True)
    said = [number, words(f": {states.state(copy, billed=billed)}")]
    known = [step for step in states.steps(copy) if step[0] != "accepted"]  # that one is the same for all
    for name, at, with_day in known if detailed else known[-1:]:
        lead = f" · {name} " if detailed else " · "
        said += [words(lead), moment(at, DAY_AND_CLOCK if with_day else CLOCK)]
    return said


def _is_opted_out(recipient: Recipient) -> bool:
    """Then another try is refused, whoever presses; the others of a group could get it without them."""
    failure = recipient.failure
    if failure is None or failure.cause is not Cause.OPTED_OUT:
        return False
    stopped = _find_stopped(recipient)
    return not stopped or recipient.number in stopped


def _show_ways_on(batch_id: str, open_ones: list[Recipient]) -> list[Element]:
    """A button for each that may help somebody of those whom it failed."""
    buttons = []
    again = [recipient for recipient in open_ones if recipient.failure is None or helps_again(recipient.failure)]
    if again:
        buttons.append(show_button(_name_again(again), AGAIN, batch_id))
    if any(recipient.failure is not None and helps_edit(recipient.failure) for recipient in open_ones):
        buttons.append(show_button("Edit", EDIT, batch_id))
    return buttons


def _name_again(open_ones: list[Recipient]) -> str:
    if any(recipient.failure and recipient.failure.cause is Cause.OPTED_OUT for recipient in open_ones):
        return "Send to the others" if len(open_ones) > 1 else "Send to the other"
    return "Try again" if all(recipient.status is Status.FAILED for recipient in open_ones) else "Send again"


def _lead(bad: list[Copy], total: int) -> str:
    failed = sum(recipient.status is Status.FAILED for _, recipient in bad)
    unsure = len(bad) - failed
    done = all(recipient.retried for _, recipient in bad)
    group = bad[0][0].group
    one = total == 1 or group
    again = " It has been sent again." if done and one else " They have been sent again." if done else ""
    if total == 1:
        number = show_number(bad[0][1].number)
        fate = "was not delivered." if failed else "may have arrived or not."
        return f"Your text to {number} {fate}{again}"
    if group:
        fates = [
            f"was not delivered to {failed} of {total} phones" if failed else "",
            f"may have arrived or not at {unsure} of {total}" if unsure else "",
        ]
        return f"Your text {', and '.join(filter(None, fates))}.{again}"
    parts = [
        f"{failed} of {total} texts {_were(failed)} not delivered" if failed else "",
        f"{unsure} of {total} texts may have arrived or not" if unsure else "",
    ]
    return f"{', and '.join(filter(None, parts))}.{again}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


def _group(bad: list[Copy]) -> list[tuple[str, list[str]]]:
    """What happened and what to do, each once, with the numbers that it is about, none where it names them itself."""
    groups: dict[str, list[str]] = {}
    for copy in bad:
        _, recipient = copy
        numbers = groups.setdefault(_explain(copy), [])
        if not _find_stopped(recipient):
            mark = " (sent again)" if recipient.retried else ""
            numbers.append(show_number(recipient.number) + mark)
    return list(groups.items())


def _find_stopped(recipient: Recipient) -> tuple[E164, ...]:
    """Whose STOP kept the text from a whole group, () where it was anything else."""
    return () if recipient.failure is None else read_stopped(recipient.failure)


def _explain(copy: Copy) -> str:
    message, recipient = copy
    if recipient.failure is None:
        records = "could not be read" if message.unread else "do not show the text"
        sentence = f"CarrierX never answered clearly, and its records {records}."
        remedy = "Ask the person, or send it again if it does no harm when it arrives twice."
    else:
        sentence, remedy = show_failure(recipient.failure)
    if _find_stopped(recipient) and any(member.retried for member in message.recipients):
        return clip(f"{sentence} It has been sent again without them.", _SENTENCE)
    return clip(sentence if recipient.retried else " ".join(filter(None, (sentence, remedy))), _SENTENCE)


def show_button(label: str, action_id: str, entry_id: str) -> Element:
    """A button about an entry."""
    return {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": label},
        "value": entry_id,
    }


def _count(number: int, noun: str) -> str:
    plural = "" if number == 1 or noun == "more" else "s"
    return f"{number} {noun}{plural}"

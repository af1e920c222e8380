"""What `/sms status` looks like: one screen, for one person alone."""

from collections import Counter
from datetime import timedelta
from typing import Final

from bot.domain.failures import sum_up_failure
from bot.domain.message import Wait
from bot.domain.phone import show_number
from bot.services.status import Line, Report, Waiting
from bot.slack.blocks import Content
from bot.slack.rich_text import (
    DAY_AND_CLOCK,
    Element,
    bullets,
    channel,
    clip,
    isolate,
    moment,
    rich_text,
    section,
    words,
)
from bot.slack.text import to_slack_fallback

_NUMBERS: Final = 8  # named; a screen holds no more with all the rest
_REASONS: Final = 5
_PROBLEMS: Final = 8
_SENTENCE: Final = 200  # characters of a reason: CarrierX's own sentence may be part of it

_WAITS: dict[Wait | None, str] = {
    Wait.UNREACHABLE: "CarrierX is not answering",
    Wait.UNAUTHORIZED: "CarrierX refuses our token",
    Wait.THROTTLED: "CarrierX asks us to slow down",
    Wait.BUSY: "CarrierX was too busy",
    Wait.PACING: "their turn at their number's rate",
    Wait.QUIET: "the morning where the phone is",
    Wait.MEDIA: "their files, which are not ready yet",
    Wait.UNDO: "the seconds in which they can be undone",
    Wait.TURN: "an earlier text to the same phone, which goes first",
    None: "just going",
}
_CARRIER: Final = frozenset({Wait.UNREACHABLE, Wait.UNAUTHORIZED, Wait.THROTTLED, Wait.BUSY})


def show_report(report: Report) -> Content:
    """The whole of it: what is wrong first, then numbers, texts to phones and texts from them."""
    body = [*_show_problems(report), *_show_numbers(report), *_show_outgoing(report), *_show_incoming(report)]
    said = [_headline(report), f"{_count(len(report.numbers), 'number')} can text"]
    said.append(f"{_count(report.waiting.total, 'text')} waiting")
    return Content(to_slack_fallback(" · ".join(said)), (rich_text(*body),))


def _headline(report: Report) -> str:
    if report.problems:
        return _count(len(report.problems), "problem")
    held = report.waiting.checking or not _CARRIER.isdisjoint(report.waiting.reasons)
    return "Texts wait for CarrierX" if held else "Everything works"


def _show_problems(report: Report) -> list[Element]:
    title = section(words(_headline(report), bold=True))
    if not report.problems:
        return [title]
    lines = [
        [
            *(
                words(part, bold=True) if isinstance(part, str) else moment(part, DAY_AND_CLOCK)
                for part in problem.what
            ),
            *([words(f" {problem.remedy}")] if problem.remedy else []),
        ]
        for problem in report.problems[:_PROBLEMS]
    ]
    return [title, bullets(*lines)]


def _show_numbers(report: Report) -> list[Element]:
    title = section(words("\nNumbers that can text", bold=True))
    if not report.numbers:
        why = "None." if report.loaded else "CarrierX's list of numbers has not come yet."
        return [title, bullets([words(why)])]
    lines = [_show_number(line) for line in report.numbers[:_NUMBERS]]
    if len(report.numbers) > _NUMBERS:
        lines.append([words(f"and {len(report.numbers) - _NUMBERS:,} more")])
    return [title, bullets(*lines)]


def _show_number(line: Line) -> list[Element]:
    name = " ".join(filter(None, (isolate(line.ours.name, 40), show_number(line.ours.number))))
    kinds = "SMS and MMS" if line.ours.mms else "SMS, no MMS"
    where = channel(line.channel) if line.channel else words("the administrators")
    return [words(f"{name} · {kinds} · texts to it go to "), where]


def _show_outgoing(report: Report) -> list[Element]:
    lines = [_show_waiting(report.waiting)]
    lines += [[words(f"{count:,}: {reason}")] for reason, count in _list_waits(report.waiting)]
    failed: Counter[str] = Counter()
    for failure, phones in report.failed.items():
        failed[clip(sum_up_failure(failure), _SENTENCE)] += phones
    lines.append([words(f"{failed.total():,} failed in the last 24 hours" if failed else "None failed in 24 hours")])
    named = failed.most_common(_REASONS)
    lines += [[words(f"{count:,}: {reason}")] for reason, count in named]
    if len(failed) > len(named):
        lines.append([words(f"{failed.total() - sum(count for _, count in named):,}: other reasons")])
    return [section(words("\nTexts to phones", bold=True)), bullets(*lines)]


def _show_waiting(waiting: Waiting) -> list[Element]:
    if waiting.oldest is None:
        return [words("None waits")]
    return [words(f"{waiting.total:,} not gone yet, the oldest from "), moment(waiting.oldest, DAY_AND_CLOCK)]


def _list_waits(waiting: Waiting) -> list[tuple[str, int]]:
    known = [(_WAITS.get(wait, str(wait)), count) for wait, count in waiting.reasons.items()]
    if waiting.checking:
        known.append(("CarrierX did not answer clearly, being looked up", waiting.checking))
    return sorted(known, key=lambda line: -line[1])


def _show_incoming(report: Report) -> list[Element]:
    arrivals = report.arrivals
    last = [words("None came in the last 30 days")]
    if arrivals.last is not None:
        last = [words("The last came "), moment(arrivals.last, DAY_AND_CLOCK)]
    lines = [last, *_show_callbacks(report)]
    return [section(words("\nTexts from phones", bold=True)), bullets(*lines)]


def _show_callbacks(report: Report) -> list[list[Element]]:
    lively, quiet = report.intervals
    if not report.callbacks:
        often = f", every {_seconds(lively)} while texts go and come" if lively < quiet else ""
        return [[words(f"No callback is set: CarrierX is asked every {_seconds(quiet)}{often}")]]
    arrivals = report.arrivals
    called = [words("No callback has come in the last 30 days")]
    if arrivals.last_callback is not None:
        called = [words("The last callback came "), moment(arrivals.last_callback, DAY_AND_CLOCK)]
    called.append(words(f"; CarrierX's records are read every {_seconds(quiet)}"))
    lines = [called]
    if arrivals.lately:
        lines.append([words(f"{arrivals.missed:,} of {arrivals.lately:,} in the last 24 hours came only by records")])
    if report.verify:
        answers = {None: "it has not been asked yet", True: "yes", False: "no"}[report.verified]
        lines.append([words(f"Whether CarrierX answers for them by id: {answers}")])
    return lines


def _seconds(seconds: float) -> str:
    minutes = timedelta(seconds=seconds) / timedelta(minutes=1)
    return _count(int(minutes), "minute") if minutes >= 1 and minutes.is_integer() else f"{seconds:g} s"


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"

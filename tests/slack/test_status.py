"""`/sms status` stays one screen, whatever there is to say."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.domain.message import Cause, Failure, Wait
from bot.services.health import Problem
from bot.services.ports import OurNumber
from bot.services.status import Arrivals, Line, Report, Waiting
from bot.slack.rich_text import Element
from bot.slack.status import show_report

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
NOTHING = Report(
    numbers=(),
    loaded=False,
    waiting=Waiting({}, 0, None),
    failed={},
    arrivals=Arrivals(None, None, 0, 0),
    callbacks=True,
    intervals=(120.0, 120.0),
    verify=False,
    verified=None,
    problems=(),
)
MUCH = Report(
    numbers=tuple(
        Line(OurNumber(f"+1516206{place:04}", f"Line {place}", "", sms=True, mms=False), "C0SUPPORT")
        for place in range(30)
    ),
    loaded=True,
    waiting=Waiting({**dict.fromkeys(Wait, 1_000), None: 5}, 7, NOW),
    failed={Failure(Cause.REJECTED, f"No {place}. {'x' * 1_000}"): 40 - place for place in range(30)},
    arrivals=Arrivals(NOW, NOW, 2_000, 1_999),
    callbacks=True,
    intervals=(120.0, 120.0),
    verify=True,
    verified=False,
    problems=(Problem(("Slack shows nothing since ", NOW, ": it is away."), "Wait."),) * 20,
)


def lines(report: Report) -> list[str]:
    """Each section and bullet."""
    return [
        "".join(str(part.get("text", "{}")) for part in line["elements"])
        for block in show_report(report).blocks
        for element in block["elements"]
        for line in _sections(element)
    ]


def _sections(element: Element) -> list[Element]:
    return element["elements"] if element["type"] == "rich_text_list" else [element]


def test_much_is_cut_to_one_screen():
    """What is left out is counted."""
    said = lines(MUCH)

    assert len(said) < 45
    assert "and 22 more" in said
    assert "575: other reasons" in said
    assert max(map(len, said)) < 250


def test_before_anything_is_known_it_says_so():
    assert "CarrierX's list of numbers has not come yet." in lines(NOTHING)


def test_times_are_in_each_readers_zone():
    """A problem's too."""
    assert "Slack shows nothing since {}: it is away. Wait." in lines(MUCH)


def test_reasons_name_no_file_and_no_phone():
    """Everybody may ask, also who is not in the channel of the text; what differs only in names is one line."""
    failed = {
        Failure(Cause.MEDIA, "“salaries.pdf”: it is damaged"): 2,
        Failure(Cause.UNREADY, "the link cannot be used: its server does not answer"): 1,
        Failure(Cause.OPTED_OUT, "+15162065574"): 4,
        Failure(Cause.OPTED_OUT): 1,
        Failure(Cause.UNDELIVERED, "landline"): 1,
    }

    said = lines(replace(MUCH, failed=failed))

    assert "5: Somebody asked for no more texts before it left." in said
    assert "3: A file or a link could not go along; its thread says why." in said
    assert "1: This number cannot receive texts." in said
    assert not any("salaries" in line or "206-5574 asked" in line for line in said)


def test_notification_has_the_gist():
    assert show_report(MUCH).text == "20 problems · 30 numbers can text · 9,012 texts waiting"
    assert show_report(replace(NOTHING, waiting=Waiting({Wait.QUIET: 1, None: 1}, 0, NOW))).text.startswith(
        "Everything works"
    )
    assert show_report(replace(NOTHING, waiting=Waiting({}, 1, NOW))).text.startswith("Texts wait for CarrierX")
    assert show_report(NOTHING).text == "Everything works · 0 numbers can text · 0 texts waiting"

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.media import SlackFile
from bot.domain.segments import count_segments
from bot.slack.reading import Reply, read_reply

SAMPLE = Path(__file__).parents[1] / "samples/slack/message_in_thread.json"
NAMES = {"U1": "Anna Bell", "W1": "Ben", "C1": "ops", "S1": "drivers"}.get
Element = dict[str, Any]


def text(said: str, **style: bool) -> Element:
    return {"type": "text", "text": said, **({"style": style} if style else {})}


def section(*elements: Element) -> Element:
    return {"type": "rich_text_section", "elements": list(elements)}


def lines(kind: str, *items: str, **more: Any) -> Element:
    return {"type": "rich_text_list", "style": kind, "elements": [section(text(item)) for item in items], **more}


def quote(*elements: Element) -> Element:
    return {"type": "rich_text_quote", "elements": list(elements)}


def code(said: str, **more: Any) -> Element:
    return {"type": "rich_text_preformatted", "elements": [text(said)], **more}


def read(*parts: Element) -> str:
    """A composer's message; its text with marks must not be looked at."""
    event = {"text": "not this", "blocks": [{"type": "rich_text", "elements": list(parts)}]}
    return read_reply(event, names=NAMES).text


def read_marked(marked: str) -> str:
    return read_reply({"text": marked}, names=NAMES).text


def test_a_reply_in_a_thread_is_read_as_slack_sends_it() -> None:
    event = json.loads(SAMPLE.read_text())["event"]

    assert read_reply(event, names=NAMES) == Reply("on our way", (), ())


def test_marks_of_rich_text_are_dropped() -> None:
    """Bold, italic, struck and code, alone and together."""
    styled = [
        text("on ", bold=True),
        text("our ", italic=True, bold=True),
        text("way ", strike=True),
        text("now", code=True),
    ]

    assert read(section(*styled)) == "on our way now"


@pytest.mark.parametrize(
    "typed",
    [
        "5 * 3 * 2",
        "*not bold*, _not italic_, ~not struck~ and `no code`",
        "AT&T <3 &amp; <@U1>",
        ":smile: 10:30:45",
        "• a bullet of one's own",
        "two\nlines\n\nand a paragraph",
    ],
)
def test_what_is_typed_as_it_is_arrives_as_it_is(typed: str) -> None:
    """Rich text says what is a mark, so everything in its words is meant."""
    assert read(section(text(typed))) == typed


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ([lines("bullet", "milk", "bread")], "- milk\n- bread"),
        ([lines("ordered", "milk", "bread")], "1. milk\n2. bread"),
        ([lines("ordered", "milk", offset=9)], "10. milk"),
        (
            [
                section(text("Bring:\n")),
                lines("bullet", "milk"),
                lines("ordered", "whole", "skimmed", indent=1),
                lines("bullet", "bread"),
                section(text("Thanks")),
            ],
            "Bring:\n- milk\n  1. whole\n  2. skimmed\n- bread\nThanks",
        ),
        ([section(text("Bring:\n\n")), lines("bullet", "milk")], "Bring:\n\n- milk"),
        (
            [lines("bullet", "milk\nthe blue one", indent=1), lines("ordered", "a\nb")],
            "- milk\n    the blue one\n1. a\n   b",
        ),
        ([lines("bullet", "milk", border=1)], "> - milk"),
        ([quote(text("Where are you?\n\nHello?")), section(text("Here"))], "> Where are you?\n>\n> Hello?\nHere"),
        ([quote(section(text("nested"))), section(text("Here"))], "> nested\nHere"),
        ([section(text("Run\n")), code("a = 1\n  b = 2"), section(text("then"))], "Run\na = 1\n  b = 2\nthen"),
        ([code("quoted", border=1)], "> quoted"),
        ([section(text("one")), section(text("two"))], "one\ntwo"),
    ],
)
def test_lists_quotes_and_code_are_readable(parts: list[Element], shown: str) -> None:
    """As one would type them on a phone."""
    assert read(*parts) == shown


def test_a_list_costs_no_more_than_its_words() -> None:
    """Slack's bullet would make the text UCS-2."""
    assert count_segments(read(lines("bullet", "milk", "bread"))).encoding == "GSM-7"


@pytest.mark.parametrize(
    ("element", "shown"),
    [
        (
            {"type": "link", "url": "https://a.example/?a=1&b=2", "text": "our page"},
            "our page (https://a.example/?a=1&b=2)",
        ),
        ({"type": "link", "url": "https://a.example/x"}, "https://a.example/x"),
        ({"type": "link", "url": "https://a.example/?q=&amp;"}, "https://a.example/?q=&amp;"),
        ({"type": "link", "url": "http://a.example", "text": "a.example"}, "a.example"),
        ({"type": "link", "url": "mailto:a@b.example", "text": "a@b.example"}, "a@b.example"),
        ({"type": "link", "url": "tel:+15162065574", "text": "(516) 206-5574"}, "(516) 206-5574"),
        ({"type": "user", "user_id": "U1"}, "@Anna Bell"),
        ({"type": "user", "user_id": "U2"}, "@somebody"),
        ({"type": "usergroup", "usergroup_id": "S1"}, "@drivers"),
        ({"type": "usergroup", "usergroup_id": "S2"}, "@group"),
        ({"type": "channel", "channel_id": "C1"}, "#ops"),
        ({"type": "channel", "channel_id": "C2"}, "#channel"),
        ({"type": "broadcast", "range": "here"}, "@here"),
        ({"type": "broadcast", "range": "everyone"}, "@everyone"),
        ({"type": "emoji", "name": "smile", "unicode": "1f604"}, "😄"),
        ({"type": "emoji", "name": "+1::skin-tone-3", "unicode": "1f44d-1f3fc"}, "👍🏼"),
        ({"type": "emoji", "name": "wave", "skin_tone": 6, "unicode": "1f44b"}, "👋🏿"),
        ({"type": "emoji", "name": "100"}, "💯"),
        ({"type": "emoji", "name": "acme"}, ":acme:"),
        ({"type": "emoji", "name": "brand-new", "unicode": "1fae8"}, "\U0001fae8"),
        ({"type": "emoji", "name": "odd", "unicode": "d800"}, ":odd:"),
        ({"type": "emoji", "name": "odd", "unicode": "xyz"}, ":odd:"),
        ({"type": "date", "timestamp": 1720710212, "format": "{time}", "fallback": "11 July, 15:03"}, "11 July, 15:03"),
        ({"type": "date", "timestamp": 1720710212, "format": "{time}"}, "2024-07-11 15:03 UTC"),
        ({"type": "color", "value": "#36C5F0"}, "#36C5F0"),
        ({"type": "something new", "text": "?"}, ""),
    ],
)
def test_other_elements_are_read_as_they_are_seen(element: Element, shown: str) -> None:
    """Links, names, emoji, times; a customer never reads an id."""
    assert read(section(text("a "), element, text(" z"))) == f"a {shown} z"


def test_a_table_has_a_line_for_each_row() -> None:
    row = [
        {"type": "raw_text", "text": "Mon"},
        {"type": "rich_text", "elements": [section(text("9\nto 5", bold=True))]},
    ]
    event = {"blocks": [{"type": "table", "rows": [row, [{"type": "raw_text", "text": "Tue"}]]}]}

    assert read_reply(event, names=NAMES).text == "Mon | 9 to 5\nTue"


def test_whom_a_message_speaks_to_is_told_once_and_in_order() -> None:
    """People, groups, and all who are here; channels are no one."""
    elements = [
        {"type": "broadcast", "range": "here"},
        {"type": "user", "user_id": "W1"},
        {"type": "usergroup", "usergroup_id": "S1"},
        {"type": "user", "user_id": "W1"},
        {"type": "channel", "channel_id": "C1"},
    ]
    event = {"blocks": [{"type": "rich_text", "elements": [quote(*elements)]}]}

    assert read_reply(event, names=NAMES).mentions == ("here", "W1", "S1")


def test_the_same_is_told_of_text_with_marks() -> None:
    reply = read_reply({"text": "<!here> <@W1|ben> <!subteam^S1> <@W1> <#C1|ops> <!channel>"}, names=NAMES)

    assert reply == Reply("@here @Ben @drivers @Ben #ops @channel", ("here", "W1", "S1", "channel"), ())


def test_files_are_told_without_deleted_ones() -> None:
    """Of another company's only the id is known."""
    known = {"id": "F2", "mode": "hosted", "name": "a.png", "mimetype": "image/png", "size": 92_582}
    event = {
        "text": "",
        "files": [{"id": "F1", "file_access": "check_file_info"}, known, {"id": "F3", "mode": "tombstone"}],
    }

    files = (SlackFile("F1", "a file"), SlackFile("F2", "a.png", "image/png", 92_582))
    assert read_reply(event, names=NAMES) == Reply("", (), files)


@pytest.mark.parametrize(
    ("marked", "shown"),
    [
        ("*on* _our_ ~way~ `now`", "on our way now"),
        ("*_~all of it~_*", "all of it"),
        ("(*bold*), _italic_!", "(bold), italic!"),
        ("*two words* and *two more*", "two words and two more"),
        ("*<https://a.example/_x_|our page>*", "our page (https://a.example/_x_)"),
        ("<https://a.example/*x*>", "https://a.example/*x*"),
        ("*call `x_y` now*", "call x_y now"),
        ("`*kept*`", "*kept*"),
        ("```\na = *b*\n  c\n```", "a = *b*\n  c"),
        ("5 * 3 * 2", "5 * 3 * 2"),
        ("2*3*4 snake_case_name a~b~c", "2*3*4 snake_case_name a~b~c"),
        ("* not bold*", "* not bold*"),
        ("*not closed", "*not closed"),
        ("** __ ~~", "** __ ~~"),
        (":white_check_mark: _done_", "✅ done"),
        ("&gt; quoted\nAT&amp;T", "> quoted\nAT&T"),
        ("<@U1> *hi*", "@Anna Bell hi"),
    ],
)
def test_marks_in_text_are_dropped_where_slack_would_show_none(marked: str, shown: str) -> None:
    """Where there is no rich text, a star is bold where Slack takes it for that."""
    assert read_marked(marked) == shown


@pytest.mark.parametrize("blocks", [None, [], [{"type": "section"}], [{"type": "rich_text", "elements": []}], "?", [1]])
def test_without_rich_text_the_text_is_read(blocks: object) -> None:
    assert read_reply({"text": "*hi*", "blocks": blocks}, names=NAMES).text == "hi"


@given(said=st.text(), style=st.fixed_dictionaries({}, optional=dict.fromkeys(("bold", "code"), st.booleans())))
def test_every_word_of_rich_text_arrives(said: str, style: dict[str, bool]) -> None:
    """Only the ends are trimmed."""
    assert read(section(text("x"), text(said, **style), text("x"))) == f"x{said}x"


@given(marked=st.text(st.characters(exclude_characters="*_~`<&:")))
def test_text_without_marks_arrives_as_it_is(marked: str) -> None:
    assert read_marked(marked) == marked.strip()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text"]), inner, max_size=3),
    max_leaves=8,
)
KINDS = [
    *("rich_text", "rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted", "table"),
    *("text", "link", "emoji", "date", "color", "user", "usergroup", "channel", "broadcast", "raw_text"),
]
KEYS = [
    *("elements", "rows", "text", "url", "name", "unicode", "skin_tone", "user_id", "usergroup_id", "channel_id"),
    *("range", "value", "timestamp", "fallback", "style", "indent", "offset", "border"),
]
ODD = st.recursive(
    ANYTHING,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.builds(
            lambda kind, more: {"type": kind, **more},
            st.sampled_from(KINDS),
            st.dictionaries(st.sampled_from(KEYS), inner | st.lists(inner, max_size=3), max_size=4),
        )
    ),
    max_leaves=30,
)


@given(blocks=ODD | st.lists(ODD), marked=ANYTHING | st.text("*_~`<>@U1|!here \n"), files=ANYTHING)
def test_no_message_breaks_it(blocks: object, marked: object, files: object) -> None:
    """However odd, it is a reply."""
    reply = read_reply({"blocks": blocks, "text": marked, "files": files}, names=NAMES)

    assert reply.text == reply.text.strip()
    assert all(file.id for file in reply.files)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.text import to_phone_text, to_slack_fallback

NAMES = {"U1": "Anna Bell", "C1": "ops", "S1": "drivers"}.get


def read(slack_text: str) -> str:
    return to_phone_text(slack_text, names=NAMES)


@pytest.mark.parametrize(
    ("slack_text", "phone_text"),
    [
        ("AT&amp;T &lt;3 &gt;", "AT&T <3 >"),
        ("AT&T <3 <hello> a < b", "AT&T <3 <hello> a < b"),
        ("&amp;lt;", "&lt;"),
        ("&nbsp; &copy;", "&nbsp; &copy;"),
        ("&amp;" * 1600, "&" * 1600),
    ],
)
def test_escapes_are_undone_once_and_plain_signs_survive(slack_text: str, phone_text: str) -> None:
    """With should_escape and without."""
    assert read(slack_text) == phone_text


@pytest.mark.parametrize(
    ("slack_text", "phone_text"),
    [
        ("<https://a.example/x|our page>", "our page (https://a.example/x)"),
        ("<https://a.example/x>", "https://a.example/x"),
        ("<https://a.example/x|https://a.example/x>", "https://a.example/x"),
        ("<http://a.example|a.example>", "a.example"),
        ("<https://a.example/|a.example>", "a.example"),
        ("<https://a.example/?a=1&amp;b=2|A &amp; B>", "A & B (https://a.example/?a=1&b=2)"),
        ("<https://a.example|:tada: party>", "🎉 party (https://a.example)"),
        ("<tel:+15162065574|(516) 206-5574>", "(516) 206-5574"),
        ("<tel:+15162065574>", "+15162065574"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("<mailto:a@b.example>", "a@b.example"),
        ("<mailto:a@b.example|Anna>", "Anna (a@b.example)"),
        ("<note: call back>", "<note: call back>"),
    ],
)
def test_links_are_read_as_they_are_seen(slack_text: str, phone_text: str) -> None:
    assert read(slack_text) == phone_text


@pytest.mark.parametrize(
    ("slack_text", "phone_text"),
    [
        ("<@U1>", "@Anna Bell"),
        ("<@U1|anna>", "@Anna Bell"),
        ("<@U2|ben>", "@ben"),
        ("<@U2>", "@somebody"),
        ("<#C1|general>", "#ops"),
        ("<#C2|general>", "#general"),
        ("<#C2|>", "#channel"),
        ("<!here>", "@here"),
        ("<!channel|channel>", "@channel"),
        ("<!everyone>", "@everyone"),
        ("<!subteam^S2|@x>", "@x"),
        ("<!subteam^S1>", "@drivers"),
        ("<!subteam^S2>", "@group"),
        ("<!date^1392734382^{date_num} at {time}^https://a.example|2014-02-18 at 6:39 PM>", "2014-02-18 at 6:39 PM"),
        ("<!other|label>", "label"),
        ("<!doctype html> <@home today> <#1>", "<!doctype html> <@home today> <#1>"),
    ],
)
def test_mentions_are_names(slack_text: str, phone_text: str) -> None:
    """A customer never reads an id."""
    assert read(slack_text) == phone_text


@pytest.mark.parametrize(
    ("slack_text", "phone_text"),
    [
        (":smile:", "😄"),
        (":thumbsup: :+1:", "👍 👍"),
        (":+1::skin-tone-3:", "👍🏼"),
        (":wave::skin-tone-6: hi", "👋🏿 hi"),
        (":heart:", "❤\ufe0f"),
        (":flag-us: :us: :flag-gb: :uk: :rainbow-flag:", "🇺🇸 🇺🇸 🇬🇧 🇬🇧 🏳\ufe0f\u200d🌈"),
        (":man-woman-girl-boy:", "👨\u200d👩\u200d👧\u200d👦"),
        (":woman-running::skin-tone-4:", "🏃🏽\u200d♀\ufe0f"),
        (":handshake::skin-tone-2::skin-tone-5:", "🫱🏻\u200d🫲🏾"),
        (":people_holding_hands::skin-tone-2-3:", "🧑🏻\u200d🤝\u200d🧑🏼"),
        (":people_holding_hands::skin-tone-3::skin-tone-3:", "🧑🏼\u200d🤝\u200d🧑🏼"),
        (":smile::wave:", "😄👋"),
        (":smile::skin-tone-3:", "😄🏼"),
        ("hi:smile:there", "hi😄there"),
        (":100: :8ball:", "💯 🎱"),
        (":acme:", ":acme:"),
        (":acme::skin-tone-2:", ":acme::skin-tone-2:"),
        (":acme:smile:", ":acme😄"),
        ("10:30:45", "10:30:45"),
        ("10:100:45 3:1234:5", "10:100:45 3:1234:5"),
        ("a:b:c a:x:", "a:b:c a:x:"),
        ("10:30:smile:", "10:30😄"),
        ("::: :: : :)", "::: :: : :)"),
    ],
)
def test_emoji_arrive_as_emoji(slack_text: str, phone_text: str) -> None:
    """Skin tones, flags and families too; times and a workspace's own emoji stay."""
    assert read(slack_text) == phone_text


def test_text_that_surely_is_as_typed_changes_by_its_emoji_alone() -> None:
    found = to_phone_text("&amp; <@U1> <https://a.example|x> :smile:", names=NAMES, escaped=False)

    assert found == "&amp; <@U1> <https://a.example|x> 😄"


def test_the_fallback_mentions_nobody() -> None:
    assert to_slack_fallback("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"


@given(text=st.text(st.characters(exclude_characters=":")))
def test_what_is_escaped_is_read_back(text: str) -> None:
    """Every character that a person can type reaches the phone."""
    assert read(to_slack_fallback(text)) == text


@given(text=st.text() | st.text("&amp;lt<>@#!UC1|:skin-tone3^+ahttp/"))
def test_no_text_breaks_it(text: str) -> None:
    """Nothing is raised, and what Slack did not write stays."""
    plain = text.replace("&", "").replace("<", "").replace(":", "")

    assert isinstance(read(text), str)
    assert read(plain) == plain
    assert to_phone_text(plain, names=NAMES, escaped=False) == plain


@given(text=st.text())
def test_no_fallback_has_a_mark_of_slack(text: str) -> None:
    assert not set("<>") & set(to_slack_fallback(text))

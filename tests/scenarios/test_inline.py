"""`/sms NUMBER TEXT` in a channel."""

import pytest

from tests.scenarios.world import DIGITS, PHONE, SHOWN, World, open_world

EXAMPLE = "(201) 555-0123"


@pytest.mark.parametrize(
    ("typed", "phones"),
    [
        ("5162065576 Hi", False),
        ("(516) 206-5576 Hi", False),
        ("+15162065576 Hi", False),
        ("+1 516 206 5576 Hi", False),
        ("1-516-206-5576 Hi", False),
        ("516.206.5576, Hi", False),
        ("5162065576\nHi", False),
        ("(516) 206-5576 Hi", True),
        ("+15162065576 Hi", True),
    ],
)
async def test_number_is_read_as_a_person_types_it(world: World, typed: str, phones: bool):  # noqa: FBT001 -- a table
    """With any punctuation, and as Slack's `<tel:…|…>`."""
    outcome = await world.slack.command("alice", "support", typed, phones=phones)
    post = await world.posted()

    assert outcome.body == ""
    assert (post.recipients, post.text) == ((DIGITS,), "Hi")


@pytest.mark.parametrize("escape", [True, False])
async def test_escaped_and_plain_forms_are_both_read(world: World, escape: bool):  # noqa: FBT001 -- a table
    """`should_escape` or not, the phone reads the same."""
    await world.slack.command("alice", "support", f"{PHONE} a < b & c > d", escape=escape)

    assert (await world.posted()).text == "a < b & c > d"


REFUSED = [
    (
        "911 help",
        (
            "911 is an emergency number, which cannot be texted from here: in an emergency call it, "
            f"otherwise type a full number such as {EXAMPLE}."
        ),
    ),
    (
        "+49 30 123456 78 kommt",
        (
            "The number can be read as +49 30 123456 or as +49 30 12345678: put a comma after it, "
            "such as /sms +49 30 123456, 78 …."
        ),
    ),
    (
        "5162065574 x12 hi",
        (
            "A text cannot reach an extension: leave out “x12”, or put a comma after (516) 206-5574 "
            "when it belongs to the text."
        ),
    ),
    (
        "12345 hi",
        f"12345 is a short number, which cannot be texted from here: type a full number such as {EXAMPLE}.",
    ),
    ("2065574 hi", f"2065574 has no area code: type all of it, such as {EXAMPLE}."),
    ("516206557 hi", f"516206557 is too short for a phone number: type all of it, such as {EXAMPLE}."),
    (
        "51620655745 hi",
        f"51620655745 is too long for a phone number: check its digits, and type it such as {EXAMPLE}.",
    ),
    (
        "999 999 9999 hi",
        f"999 999 9999 is not a valid phone number: check its digits, and type it such as {EXAMPLE}.",
    ),
    (
        "900 234 5678 hi",
        (
            "900 234 5678 is a premium-rate number, which is never texted from here: "
            f"type another number, such as {EXAMPLE}."
        ),
    ),
    (
        "+49 30 123456 hallo",
        (
            "+49 30 123456 is in Germany, which may not be texted from here: "
            "type a number in Canada or the United States, or ask whoever runs this app."
        ),
    ),
    (
        "+999 123456 hi",
        (
            "+999 123456 begins with a country code that does not exist: check it, and type it such as "
            f"{EXAMPLE} or +49 30 123456."
        ),
    ),
    (
        "+800 1234 5678 hi",
        (
            "+800 1234 5678 belongs to no country and may not be texted from here: "
            "type a number in Canada or the United States, or ask whoever runs this app."
        ),
    ),
    (
        "5162065574",
        "What should it say? Write the text after the number: /sms (516) 206-5574 Running ten minutes late.",
    ),
    ("Running late", f"The number comes first, then the text: /sms {EXAMPLE} Running ten minutes late."),
    (
        "5162065574hi",
        "Something stands right behind (516) 206-5574: put a space between number and text.",
    ),
    (
        "5162065574, 2078152557 hi",
        (
            "/sms with a text goes to one number: for several type /sms alone. "
            "If (207) 815-2557 belongs to the text, let the text begin with a word."
        ),
    ),
    ("+15162065575 hi", "(516) 206-5575 is the number you send from. Leave it out."),
    (
        f"5162065574 {'x' * 1601}",
        "The text has 1,601 characters, 1 more than the 1,600 that can be sent: shorten it.",
    ),
]


async def test_each_mistake_is_one_sentence_for_the_typist_alone(world: World):
    """It says what to type instead, and nothing is sent or posted."""
    said = {typed: await world.whispered(typed) for typed, _ in REFUSED}

    assert said == dict(REFUSED)
    assert world.carrier.posts == []
    assert world.slack.channel("support").messages == ()


SEEN = [
    ("a &amp; b &lt;c&gt;", "a &amp; b &lt;c&gt;"),  # typed so, not escaped so
    ("5 < 6 & 7 > 2", "5 < 6 & 7 > 2"),
    ("see https://example.com/a?b=1&c=2", "see https://example.com/a?b=1&c=2"),
    ("ask @ben in #support", "ask @ben in #support"),
    (":smile: :wave::skin-tone-4:", "😄 👋🏽"),
    (":flag-de: :us:", "🇩🇪 🇺🇸"),
    (":man-woman-girl-boy:", "👨‍👩‍👧‍👦"),
    ("our :party-parrot: at 10:30:45", "our :party-parrot: at 10:30:45"),
    ("one\ntwo\n\nthree", "one\ntwo\n\nthree"),
]


@pytest.mark.parametrize(("typed", "seen"), SEEN)
async def test_phone_reads_what_slack_shows(world: World, typed: str, seen: str):
    """Names instead of ids, emoji instead of their names; a workspace's own emoji stay names."""
    root = await world.text(typed)
    post = await world.posted()

    assert post.text == seen
    assert seen in await world.headed(root, "alice texted")


async def test_labelled_link_is_written_out(world: World):
    """As `label (url)`, with a label only where it says more."""
    text = f"{PHONE} <https://example.com/a|our page>, <https://example.com|example.com>, <mailto:a@example.com|mail>"
    await world.slack.command("alice", "support", text, escape=False)

    assert (await world.posted()).text == "our page (https://example.com/a), example.com, mail (a@example.com)"


async def test_help_shows_the_grammar_with_examples(world: World):
    said = await world.whispered("help")

    assert f"/sms {EXAMPLE} Running ten minutes late texts one phone." in said
    assert "/sms alone opens a form" in said
    for word in ("mode", "hours", "routes", "status", "route", "optouts", "optin", "erase"):
        assert f"/sms {word}" in said
    assert await world.whispered(" HELP ") == said
    assert world.slack.channel("support").messages == ()


async def test_command_may_have_another_name(sqlite_url: str):
    """Sentences name the command as it was set up."""

    def rename(world: World) -> None:
        world.slack.manifest.commands["/text"] = world.slack.manifest.commands["/sms"]

    async with open_world(sqlite_url, prepare=rename, sms_command="/text") as world:
        helped = await world.slack.command("alice", "support", "help", command="/text")
        missing = await world.slack.command("alice", "support", PHONE, command="/text")

    assert "/sms" not in str(helped.body)
    assert f"`/text {SHOWN} Running ten minutes late`" in str(missing.body)


async def test_default_region_is_a_setting(sqlite_url: str):
    """Numbers without `+` are in the country that was set."""
    async with open_world(sqlite_url, sms_default_region="DE", sms_countries=("DE",)) as world:
        await world.command("030 123456, Hallo")
        post = await world.posted()

    assert post.recipients == ("4930123456",)


async def test_sender_is_the_channels_last_then_the_persons_then_the_default(world: World):
    """And the choice made in the form is remembered for both."""
    await world.text("from the default")
    view = await world.form(channel="general")
    await world.fill(view, **{"from": "+12078152557", "to": PHONE, "text": "from Sales", "channel": "C0GENERAL"})
    await world.slack.submit("alice")
    await world.posted(2)
    await world.text("in the same channel, another person", user="ben", channel="general")
    await world.text("the same person, elsewhere", channel="vip")
    await world.text("another person, elsewhere", user="ben", channel="support")
    await world.posted(5)

    senders = {post.text: post.sender for post in world.carrier.posts}
    assert senders == {
        "from the default": "15162065575",
        "from Sales": "12078152557",
        "in the same channel, another person": "12078152557",
        "the same person, elsewhere": "12078152557",
        "another person, elsewhere": "15162065575",
    }


async def test_last_sender_is_remembered_over_a_restart(database_url: str):
    async with open_world(database_url) as world:
        view = await world.form()
        await world.fill(view, **{"from": "+12078152557", "to": PHONE, "text": "from Sales"})
        await world.slack.submit("alice")
        await world.posted()

    async with open_world(database_url) as world:
        await world.command("+15162065574 after the restart")
        post = await world.posted()

    assert post.sender == "12078152557"

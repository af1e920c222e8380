import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.media import MAX_CHARACTERS, MAX_FILE, SlackFile, check_files, check_text, parse_media
from bot.errors import InvalidInputError

PRIVATE = "The URL's address is private, and CarrierX cannot fetch it: use a public one."
INSIDE = "The URL's host is known only inside a network, and CarrierX cannot fetch it: use a public one."
BROKEN_HOST = "The URL's host cannot be right: copy the URL again."
NO_SPACES = "A URL has no spaces, quotes or backslashes: put one URL on each line."
SCHEME = "A URL begins with https://, such as https://example.com/picture.jpg."
UNREADABLE = "The URL cannot be read: copy it again, such as https://example.com/picture.jpg."
CREDENTIALS = "The URL holds a user name or a password: use one that needs none."


def refusal(typed: str, trusted: frozenset[str] = frozenset()) -> str:
    with pytest.raises(InvalidInputError) as caught:
        parse_media(typed, trusted=trusted)
    assert caught.value.field == "media"
    return caught.value.user_message


def judge(text: str, *, has_media: bool = False) -> str:
    """The sentence that refuses a text, "" for one that may go."""
    try:
        check_text(text, has_media=has_media)
    except InvalidInputError as error:
        assert error.field == "text"  # noqa: PT017 - what is not raised is a result here, too
        return error.user_message
    return ""


def test_urls_are_read_one_a_line_in_order_without_repetition() -> None:
    typed = " https://a.example/1.jpg\n\nhttp://b.example/2.png \r\nhttps://a.example/1.jpg"

    assert parse_media(typed) == ("https://a.example/1.jpg", "http://b.example/2.png")


@pytest.mark.parametrize("typed", ["", " ", "\n\n"])
def test_no_media_is_no_mistake(typed: str) -> None:
    assert parse_media(typed) == ()


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("<https://a.example/1.jpg|a.example/1.jpg>", "https://a.example/1.jpg"),
        ("<https://a.example/?a=1&amp;b=2>", "https://a.example/?a=1&b=2"),
        ("https://a.example/?a=1&amp;b=2", "https://a.example/?a=1&amp;b=2"),
        ("https://storage.carrierx.com/f/cdac0471", "https://storage.carrierx.com/f/cdac0471"),
        ("HTTPS://A.example:8443/x#y", "HTTPS://A.example:8443/x#y"),
        ("https://8.8.8.8/x.jpg", "https://8.8.8.8/x.jpg"),
        ("https://[2606:4700:4700::1111]/x.jpg", "https://[2606:4700:4700::1111]/x.jpg"),
        ("https://b\u00fccher.example/\u00fc.png", "https://b\u00fccher.example/\u00fc.png"),
        ("https://a.example./x", "https://a.example./x"),
    ],
)
def test_public_urls_stay_as_they_were_typed(typed: str, url: str) -> None:
    """But for what Slack wraps around them."""
    assert parse_media(typed) == (url,)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("ftp://a.example/x", SCHEME),
        ("a.example/x", SCHEME),
        ("javascript:alert(1)", SCHEME),
        ("https://a.example/a b", NO_SPACES),
        ("https://a.example/\\x", NO_SPACES),
        ("https://a.example/\x00", NO_SPACES),
        ("http://a.example:99999/", UNREADABLE),
        ("http://a.example:x/", UNREADABLE),
        ("http://[::1", UNREADABLE),
        ("https://user:secret@a.example/x", CREDENTIALS),
        ("https://user@a.example/x", CREDENTIALS),
        ("https://@a.example/x", CREDENTIALS),
        ("http://localhost/x", INSIDE),
        ("http://localhost./x", INSIDE),
        ("http://intranet/x", INSIDE),
        ("http://printer.local/x", INSIDE),
        ("http://metadata.google.internal/x", INSIDE),
        ("http://box.home.arpa/x", INSIDE),
        ("https:///x", BROKEN_HOST),
        ("http://a..example/", BROKEN_HOST),
        ("http://1.2.3.4.5/", BROKEN_HOST),
        ("http://999.1.1.1/", BROKEN_HOST),
        ("http://127%2E0%2E0%2E1/", BROKEN_HOST),
        ("https://-.example/", BROKEN_HOST),
        (
            "https://a.example/" + "x" * 2000,
            "The URL has 2,018 characters, more than the 2,000 allowed: use a shorter one.",
        ),
    ],
)
def test_what_carrierx_cannot_fetch_is_refused(typed: str, sentence: str) -> None:
    assert refusal(typed) == sentence


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "2852039166",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fc00::1]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[ff02::1]",
        "[2001:db8::1]",
        "\uff11\uff12\uff17.0.0.1",
        "127\u30020\u30020\u30021",
        "\u2460\u2461\u2466.0.0.1",
    ],
)
def test_private_addresses_are_refused_in_every_spelling(host: str) -> None:
    """Decimal, octal, hexadecimal, wide, mapped: a resolver takes them all."""
    assert refusal(f"http://{host}/x") == PRIVATE


@given(address=st.ip_addresses(v=4))
def test_an_ipv4_address_is_taken_just_when_it_is_public(address: ipaddress.IPv4Address) -> None:
    """However it is written."""
    public = address.is_global and not address.is_multicast and not address.is_reserved
    spellings = [str(address), str(int(address)), hex(int(address)), f"[::ffff:{address}]"]

    judged = dict.fromkeys(spellings, "")
    for spelling in spellings:
        try:
            parse_media(f"http://{spelling}/x")
        except InvalidInputError as error:
            judged[spelling] = error.user_message

    assert judged == dict.fromkeys(spellings, "" if public else PRIVATE)


def test_a_trusted_origin_is_taken_and_no_other_port_of_it() -> None:
    """The playground serves its picture from this machine."""
    trusted = frozenset({"http://127.0.0.1:8090"})

    assert parse_media("http://127.0.0.1:8090/cat.png", trusted=trusted) == ("http://127.0.0.1:8090/cat.png",)
    assert refusal("http://127.0.0.1:8091/cat.png", trusted) == PRIVATE
    assert refusal("https://127.0.0.1:8090/cat.png", trusted) == PRIVATE
    assert refusal("http://x@127.0.0.1:8090/cat.png", trusted) == CREDENTIALS


def test_every_wrong_line_is_named() -> None:
    assert refusal("https://a.example/x\nnonsense\n\nhttp://10.0.0.1/") == f"Line 2: {SCHEME} Line 4: {PRIVATE}"


def test_of_many_wrong_lines_the_first_are_explained_and_all_are_named() -> None:
    sentence = refusal("\n".join(["nonsense"] * 9))

    assert sentence.count(SCHEME) == 5
    assert sentence.endswith("Also wrong: 6, 7, 8, 9.")


def test_ten_media_go_in_one_text_and_one_more_does_not() -> None:
    """Duplicates do not count."""
    ten = [f"https://a.example/{number}" for number in range(10)]

    assert len(parse_media("\n".join([*ten, *ten]))) == 10
    assert refusal("\n".join([*ten, "https://b.example"])) == "That is 11 media, and 10 go in one text: leave out 1."


@given(typed=st.text() | st.text("htps:/.[]0123456789abcdef@%<|>\n\uff11\u3002").map(lambda tail: "http://" + tail))
def test_whatever_is_typed_ends_in_urls_or_a_sentence(typed: str) -> None:
    """Nothing else is ever raised."""
    try:
        found: tuple[str, ...] | str = parse_media(typed)
    except InvalidInputError as error:
        found = error.user_message

    assert found.endswith(".") if isinstance(found, str) else all("://" in url for url in found)


@pytest.mark.parametrize(("text", "has_media"), [("hi", False), ("", True), ("x" * MAX_CHARACTERS, False)])
def test_a_text_of_up_to_1600_characters_goes_and_media_may_go_alone(text: str, *, has_media: bool) -> None:
    assert judge(text, has_media=has_media) == ""


def test_a_text_that_is_too_long_is_told_by_how_much() -> None:
    assert judge("x" * 1642) == ("The text has 1,642 characters, 42 more than the 1,600 that can be sent: shorten it.")
    assert judge("&" * 1601, has_media=True).startswith("The text has 1,601 characters, 1 more than")


@pytest.mark.parametrize("text", ["", " \n", "\u200b", "\u2060 \u200e\ufeff"])
def test_nothing_to_say_and_nothing_to_show_is_refused(text: str) -> None:
    """Signs without width, as they come along when something is copied, say nothing either."""
    assert judge(text) == "What should it say? Write a text, or add media."


@pytest.mark.parametrize(("text", "code"), [("a\x00", "U+0000"), ("a\ud800", "U+D800")])
def test_what_no_database_and_no_phone_can_take_is_refused(text: str, code: str) -> None:
    assert judge(text) == f"Character 2 of the text is {code}, which no phone shows: delete it."


def test_files_of_one_text_have_a_limit_together() -> None:
    """All of them are in memory at once."""
    files = [SlackFile(f"F{place}", "a.jpg", "image/jpeg", MAX_FILE) for place in range(3)]
    check_files(files[:2])

    with pytest.raises(InvalidInputError, match="The files are 150 MB together, and 100 MB is the most"):
        check_files(files)

import pytest
import smsutil
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.segments import Segments, costly_characters, count_segments, show_segments

GSM = "@£$¥èéùìòÇ\nØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./09:;<=>?¡AZÄÖÑÜ§¿azäöñüà"
EXTENDED = "\f^{}\\[~]|€"


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", Segments("GSM-7", 0, 0)),
        ("a", Segments("GSM-7", 1, 1)),
        ("a" * 160, Segments("GSM-7", 160, 1)),
        ("a" * 161, Segments("GSM-7", 161, 2)),
        ("a" * 306, Segments("GSM-7", 306, 2)),
        ("a" * 307, Segments("GSM-7", 307, 3)),
        ("€" * 80, Segments("GSM-7", 160, 1)),
        ("€" * 81, Segments("GSM-7", 162, 2)),
        ("ж" * 70, Segments("UCS-2", 70, 1)),
        ("ж" * 71, Segments("UCS-2", 71, 2)),
        ("ж" * 134, Segments("UCS-2", 134, 2)),
        ("ж" * 135, Segments("UCS-2", 135, 3)),
        ("😀" * 35, Segments("UCS-2", 70, 1)),
        ("😀" * 36, Segments("UCS-2", 72, 2)),
    ],
)
def test_known_lengths(text: str, segments: Segments) -> None:
    """160 and 153 septets, 70 and 67 code units (3GPP TS 23.038)."""
    assert count_segments(text) == segments


def test_an_escaped_character_does_not_straddle_segments() -> None:
    """153 septets of `€` hold 76 of them, so 153 of them need three segments although 306 septets would fit two."""
    assert count_segments("€" * 153) == Segments("GSM-7", 306, 3)


def test_a_surrogate_pair_does_not_straddle_segments() -> None:
    """67 units hold 33 pairs, so 67 of them need three segments although 134 units would fit two."""
    assert count_segments("😀" * 67) == Segments("UCS-2", 134, 3)


@given(
    text=st.text(st.sampled_from(GSM + EXTENDED), min_size=1, max_size=700)
    | st.text(st.sampled_from("aж€😀“"), min_size=1, max_size=400)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1b"), min_size=1, max_size=400)
)
@example("a" * 152 + "€" + "a")
@example("ж" * 66 + "😀" + "ж" * 67)
def test_a_second_opinion_agrees(text: str) -> None:
    """The library smsutil splits the text and counts the parts."""
    split = smsutil.split(text)
    encoding = {"gsm0338": "GSM-7", "utf_16_be": "UCS-2"}[split.encoding]

    found = count_segments(text)

    assert (found.encoding, found.count) == (encoding, len(split.parts))


@given(text=st.text(max_size=300))
def test_costly_characters_are_just_those_whose_removal_makes_it_cheap(text: str) -> None:
    costly = costly_characters(text)

    assert (count_segments(text).encoding == "UCS-2") == bool(costly)
    assert count_segments("".join(set(text) - set(costly))).encoding == "GSM-7"
    assert list(costly) == sorted(set(costly), key=text.index)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "GSM-7 · 0 characters · 0 segments"),
        ("a", "GSM-7 · 1 character · 1 segment"),
        ("Running ten minutes late, sorry about that", "GSM-7 · 42 characters · 1 segment"),
        ("“hi”" + "a" * 76, "UCS-2 because of “ and ” · 80 characters · 2 segments"),
        ("a\u00a0b", "UCS-2 because of no-break space · 3 characters · 1 segment"),
        ("a\tb`", "UCS-2 because of tab and ` · 4 characters · 1 segment"),
        (
            "\u00e1\u00e9\u00ed\u00f3\u00fa\u00f1\u2013\u2014",
            "UCS-2 because of á, í, ó, ú, \u2013 and 1 more · 8 characters · 1 segment",
        ),
        ("👨\u200d👧 ☺\ufe0f", "UCS-2 because of 👨, 👧 and ☺ · 6 characters · 1 segment"),
        ("a\u200db", "UCS-2 because of zero width joiner · 3 characters · 1 segment"),
        ("e\u0301", "UCS-2 because of combining acute accent · 2 characters · 1 segment"),
        ("\x00", "UCS-2 because of U+0000 · 1 character · 1 segment"),
        ("a" * 1600, "GSM-7 · 1,600 characters · 11 segments"),
    ],
)
def test_the_line_in_the_modal_names_what_costs(text: str, line: str) -> None:
    """What nobody can see is named in words."""
    assert show_segments(text) == line


@given(text=st.text())
def test_any_text_has_a_line(text: str) -> None:
    """Nothing raises, and the line stays a line."""
    assert "\n" not in show_segments(text)

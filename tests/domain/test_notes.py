import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.notes import is_note


@pytest.mark.parametrize(
    "text",
    [
        "// she is cross",
        "//she is cross",
        "//",
        "note: she is cross",
        "Note: she is cross",
        "NOTE:she is cross",
        "note : elle est fâchée",
        "note\uff1a她生气了",
        "\uff0f\uff0f she is cross",
        "  \n\t// she is cross",
        "\u200b\ufeff// she is cross",
        "*note:* she is cross",
        "*Note*: she is cross",
        "_// she is cross_",
        "~*`note: x`*~",
        "> note: x",
        "&gt; note: x",
        "• // x",
        "- note: x",
        "// call @Ben before\nyou text her",
    ],
)
def test_what_begins_with_a_mark_stays_internal(text: str) -> None:
    """However the mark is typed and formatted."""
    assert is_note(text, mentions_colleague=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "On our way",
        "Note that we close at five",
        "Notes: milk, bread",
        "See https://acme.example",
        "https://acme.example",
        "/ five minutes",
        "and/or",
        "Please note: we close at five",
        "A footnote: none",
        "on our way // ten minutes",
        "first line\n// second line",
    ],
)
def test_anything_else_is_for_the_customer(text: str) -> None:
    """A mark counts at the beginning alone."""
    assert not is_note(text, mentions_colleague=False)


@given(text=st.text())
def test_what_speaks_to_a_colleague_stays_internal(text: str) -> None:
    assert is_note(text, mentions_colleague=True)


@given(
    before=st.text(" \n\t*_~`>•-"),
    mark=st.sampled_from(["//", "note:", "NOTE:", "Note :"]),
    after=st.text(),
)
def test_nothing_around_it_hides_a_mark(before: str, mark: str, after: str) -> None:
    """A slip would reach the customer."""
    assert is_note(before + mark + after, mentions_colleague=False)

"""Replies that stay among colleagues although the thread is texted by itself."""

import re

# Before the mark may stand what Slack or a person puts around words: spaces, bold and the like, a quote, a bullet.
_MARK = re.compile(r"(?:[\s*_~`>•\-\u200b-\u200f\u2060\ufeff]|&gt;)*(?://|／／|note[*_~`]*\s*[:：])", re.IGNORECASE)  # noqa: RUF001 - wide ones too


def is_note(text: str, *, mentions_colleague: bool) -> bool:
    """Whether a reply is internal: it begins with `//` or `note:`, or speaks to somebody in Slack.

    Args:
        text: With or without Slack's marks.
        mentions_colleague: It mentions a person, a group, or everybody who is here; no customer reads such a name.
    """
    return mentions_colleague or _MARK.match(text) is not None

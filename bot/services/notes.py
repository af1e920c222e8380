"""Words of ours that are to be shown: what the database needs to keep them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NewNote:
    """A note before it is stored.

    Attributes:
        key: Names what it says; a second note by the same key is none.
        team: The workspace, "" when it is not known yet.
        channel: Where it is shown, "" for the administrators.
        text: mrkdwn that holds nothing from outside.
        at: When it is said.
        conversation_id: The conversation in whose thread it stands, "" for the channel itself.
    """

    key: str
    team: str
    channel: str
    text: str
    at: datetime
    conversation_id: str = ""

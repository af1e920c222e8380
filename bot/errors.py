"""Every error raised on purpose.

::

    BotError(user_message, field=None)
    ├── InvalidInputError             the person can mend it; `field` names the input
    │   └── InvalidFieldsError            several at once
    ├── RefusedError                  a rule forbids it: a guest, a shared channel, a country that is not allowed
    ├── NotStoredError                our database did not take it; nothing was sent
    ├── StoredOrNotError              COMMIT got no answer; it cannot be told whether the text goes
    └── CarrierError                  the carrier did not take it, or we cannot tell
        ├── CarrierUnavailableError       refused, no DNS, no TLS: surely not taken
        ├── CarrierThrottledError         429, `retry_after` seconds
        ├── CarrierUnauthorizedError      401: the outbox pauses, texts wait
        ├── CarrierOutcomeUnknownError    no answer after the request left, 5xx, unreadable 2xx
        ├── CarrierRejectedError          any other 4xx, with CarrierX's sentence
        │   └── CarrierFullError              its storage takes no more files until some are removed
        └── CarrierResponseInvalidError   unreadable reply to a read

Each class answers three questions: what became of the text, is it our fault, what does the person read.
"""


class BotError(Exception):
    """An error with a sentence for the person.

    Attributes:
        user_message: What happened and what to do, in plain words, without secrets or message bodies.
        field: Name of the input that is wrong (`from`, `to`, `how`, `text`, `media`, `channel`), None for all of it.
        our_fault: The person cannot mend it; an operator must look.
    """

    our_fault = False

    def __init__(self, user_message: str, field: str | None = None) -> None:
        super().__init__(user_message)
        self.user_message = user_message
        self.field = field


class InvalidInputError(BotError):
    """The person can mend it."""


class InvalidFieldsError(InvalidInputError):
    """Several inputs are wrong at once.

    Attributes:
        fields: Sentence per field name, never empty.
        instead: A number of ours that could send it, where the chosen one is what is wrong; "" otherwise.
    """

    def __init__(self, fields: dict[str, str], *, instead: str = "") -> None:
        name, sentence = next(iter(fields.items()))
        super().__init__(sentence, name)
        self.fields = fields
        self.instead = instead


class RefusedError(BotError):
    """A rule forbids it, whatever is typed."""


class NotStoredError(BotError):
    """The database did not take the text in time; nothing was sent."""

    our_fault = True


class StoredOrNotError(BotError):
    """COMMIT got no answer: the text may go out or not."""

    our_fault = True


class CarrierError(BotError):
    """The carrier did not take it, or we cannot tell."""


class CarrierUnavailableError(CarrierError):
    """Nothing left this machine: refused connection, no DNS, no TLS."""


class CarrierThrottledError(CarrierError):
    """429: too many requests.

    Attributes:
        retry_after: Seconds that CarrierX asks us to wait, 0.0 when it names none.
    """

    def __init__(self, user_message: str, retry_after: float = 0.0) -> None:
        super().__init__(user_message)
        self.retry_after = retry_after


class CarrierUnauthorizedError(CarrierError):
    """401: CarrierX refuses our token."""

    our_fault = True


class CarrierOutcomeUnknownError(CarrierError):
    """The request left and no readable answer came: the text may be on its way.

    Attributes:
        busy: The answer was 503, which most servers give before they do anything.
    """

    def __init__(self, user_message: str, *, busy: bool = False) -> None:
        super().__init__(user_message)
        self.busy = busy


class CarrierRejectedError(CarrierError):
    """A 4xx that repeating cannot mend.

    Attributes:
        status: HTTP status code.
        fields: Names of the fields that CarrierX's envelope complains of.
    """

    def __init__(self, user_message: str, status: int, fields: tuple[str, ...] = ()) -> None:
        super().__init__(user_message)
        self.status = status
        self.fields = fields


class CarrierFullError(CarrierRejectedError):
    """CarrierX's storage takes no more files until some are removed."""


class CarrierResponseInvalidError(CarrierError):
    """An answer to a read that is not what the documentation says."""

    our_fault = True

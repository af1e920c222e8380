"""Slack's documented limits of messages and views, as a lint.

The pretend Slack refuses by it, and tests of what the bot makes call `lint_message` and `lint_view` directly.
docs.slack.dev/reference/block-kit, /reference/views; the total of a message's blocks is from bolt-js #2509.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from playground.slack.blocks import BLOCKS, NOT_IN_MESSAGES, NOT_IN_MODALS
from playground.slack.rules import Finding, boolean, by_type, only, record, string

MESSAGE_TEXT = 40_000
MESSAGE_BLOCKS = 50
MESSAGE_CHARACTERS = 12_000  # of all blocks together; Slack was seen to refuse from about 13,200
VIEW_BLOCKS = 100
VIEW_BYTES = 250_000
STACK = 3  # views over one another

_MODAL_BLOCKS = {name: rule for name, rule in BLOCKS.items() if name not in NOT_IN_MODALS}
_MESSAGE_BLOCKS = {name: rule for name, rule in BLOCKS.items() if name not in NOT_IN_MESSAGES}


def _title(value: object, at: str) -> Iterator[Finding]:
    return record({"type": only("plain_text"), "text": string(24, 1)}, {"emoji": boolean})(value, at)


def _anything(value: object, at: str) -> Iterator[Finding]:  # noqa: ARG001 -- a rule
    return iter(())


_VIEW = record(
    {"type": only("modal"), "title": _title, "blocks": _anything},
    {
        "submit": _title,
        "close": _title,
        "private_metadata": string(3000),
        "callback_id": string(255),
        "external_id": string(255),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
)


def lint_message(payload: Mapping[str, Any]) -> list[str]:
    """What Slack would refuse of a message (`text`, `blocks`, `metadata`); empty when all is well."""
    findings = [*check_blocks(payload.get("blocks") or [], "message"), *check_metadata(payload.get("metadata"))]
    text = payload.get("text") or ""
    if len(text) > MESSAGE_TEXT:
        findings.append(Finding("/text", f"must be at most {MESSAGE_TEXT} characters, has {len(text)}"))
    if count_characters(payload.get("blocks") or []) > MESSAGE_CHARACTERS:
        findings.append(Finding("/blocks", f"must have at most {MESSAGE_CHARACTERS} characters in all"))
    if not text and not payload.get("blocks"):
        findings.append(Finding("/text", "must not be empty without blocks"))
    return [str(each) for each in findings]


def lint_view(view: Mapping[str, Any]) -> list[str]:
    """What Slack would refuse of a modal; empty when all is well."""
    findings = list(check_view(view))
    if count_bytes(view) > VIEW_BYTES:
        findings.append(Finding("", f"must be at most {VIEW_BYTES} bytes"))
    return [str(each) for each in findings]


def check_view(view: object) -> Iterator[Finding]:
    """What is wrong with a modal, but for its size."""
    yield from _VIEW(view, "")
    if not isinstance(view, Mapping):
        return
    blocks = view.get("blocks", [])
    yield from check_blocks(blocks, "modal")
    if "submit" not in view and any(_type(each) == "input" for each in _items(blocks)):
        yield Finding("", "missing required field: submit, because there is an input block")


def check_blocks(blocks: object, surface: str) -> Iterator[Finding]:
    """What is wrong with the blocks of a `message` or a `modal`."""
    if not isinstance(blocks, Sequence) or isinstance(blocks, str):
        yield Finding("/blocks", "must be a list")
        return
    modal = surface == "modal"
    most = VIEW_BLOCKS if modal else MESSAGE_BLOCKS
    if len(blocks) > most:
        yield Finding("/blocks", f"must have at most {most} items, has {len(blocks)}")
    one = by_type(_MODAL_BLOCKS if modal else _MESSAGE_BLOCKS)
    for index, block in enumerate(blocks):
        yield from one(block, f"/blocks/{index}")
        if not modal and _type(block) == "input" and _type(block.get("element")) == "file_input":
            yield Finding(f"/blocks/{index}/element", "file_input is for modals only")
    yield from _repeated_ids(blocks)
    if sum(_type(each) == "table" for each in blocks) > 1:
        yield Finding("/blocks", "must have at most one table")
    if sum(len(each.get("text") or "") for each in blocks if _type(each) == "markdown") > MESSAGE_CHARACTERS:
        yield Finding("/blocks", f"markdown blocks must have at most {MESSAGE_CHARACTERS} characters in all")


def check_metadata(metadata: object) -> Iterator[Finding]:
    """What is wrong with a message's metadata."""
    if metadata is None:
        return
    yield from record({"event_type": string(255, 1), "event_payload": _anything}, {"entities": _anything})(
        metadata, "/metadata"
    )
    if isinstance(metadata, Mapping) and not isinstance(metadata.get("event_payload", {}), Mapping):
        yield Finding("/metadata/event_payload", "must be an object")


def count_characters(blocks: object) -> int:
    """Characters of text in blocks, however deep."""
    if isinstance(blocks, Mapping):
        own = sum(len(value) for key, value in blocks.items() if key in {"text", "alt_text"} and isinstance(value, str))
        return own + sum(count_characters(value) for value in blocks.values())
    return sum(map(count_characters, _items(blocks)))


def count_bytes(view: object) -> int:
    """The size of a view as Slack weighs it."""
    return len(json.dumps(view, ensure_ascii=False, separators=(",", ":")).encode())


def _repeated_ids(blocks: Sequence[Any]) -> Iterator[Finding]:
    ids = [each.get("block_id") if isinstance(each, Mapping) else None for each in blocks]
    counts = Counter(each for each in ids if isinstance(each, str))
    for index, each in enumerate(ids):
        if isinstance(each, str) and counts[each] > 1:
            yield Finding(f"/blocks/{index}/block_id", f"{each!r} is there {counts[each]} times")
    for index, block in enumerate(blocks):
        elements = block.get("elements") if _type(block) in {"actions", "context_actions"} else []
        actions = Counter(each.get("action_id") for each in _items(elements) if isinstance(each, Mapping))
        for action, count in actions.items():
            if action is not None and count > 1:
                yield Finding(f"/blocks/{index}/elements", f"action_id {action!r} is there {count} times")


def _items(value: object) -> Sequence[Any]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _type(value: object) -> str:
    kind = value.get("type") if isinstance(value, Mapping) else None
    return kind if isinstance(kind, str) else ""

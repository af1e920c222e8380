"""Open modals: the stack of each person, what they typed, triggers, and `state.values` as Slack writes it."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from playground.slack.blocks import INPUT_ELEMENTS
from playground.slack.errors import NotPossibleError, SlackError
from playground.slack.limits import STACK, VIEW_BYTES, check_view, count_bytes
from playground.slack.workspace import APP, BOT, TEAM, Block, Workspace

TRIGGER_SECONDS = 3.0
_TRIGGERS = 10_000  # remembered, so that an old one is told from a false one
Field = tuple[str, str]  # block_id and action_id

_SINGLE = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "users_select": ("selected_user", "initial_user"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "channels_select": ("selected_channel", "initial_channel"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "rich_text_input": ("rich_text_value", "initial_value"),
}
_SEVERAL = {
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "multi_users_select": ("selected_users", "initial_users"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "file_input": ("files", ""),
}


@dataclass(slots=True)
class OpenView:
    """A modal on somebody's screen.

    Attributes:
        id: `V…`.
        user: Whose screen.
        given: As the app gave it, with ids for blocks and elements that had none.
        hash: New with each change.
        root, previous: Ids of the first view of the stack, and of the one below.
        came_from: The conversation that it was opened in, "" from a global shortcut.
        typed: What stands in its inputs now.
        errors: Sentence under each input, by block_id.
    """

    id: str
    user: str
    given: dict[str, Any]
    hash: str
    root: str
    previous: str = ""
    came_from: str = ""
    typed: dict[Field, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, dict[str, dict[str, Any]]]:
        """`state.values`."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for block, element in inputs_of(self.given["blocks"]):
            ids = (block["block_id"], element["action_id"])
            kind = element["type"]
            key = (_SINGLE.get(kind) or _SEVERAL[kind])[0]
            found.setdefault(ids[0], {})[ids[1]] = {"type": kind, key: self.typed.get(ids)}
        return found

    def write(self) -> dict[str, Any]:
        """The view as payloads and methods have it."""
        given = self.given
        return {
            "id": self.id,
            "team_id": TEAM,
            "type": "modal",
            "blocks": given["blocks"],
            "private_metadata": given.get("private_metadata", ""),
            "callback_id": given.get("callback_id", ""),
            "state": {"values": self.values},
            "hash": self.hash,
            "title": given["title"],
            "clear_on_close": given.get("clear_on_close", False),
            "notify_on_close": given.get("notify_on_close", False),
            "close": given.get("close"),
            "submit": given.get("submit"),
            "previous_view_id": self.previous or None,
            "root_view_id": self.root,
            "app_id": APP,
            "external_id": given.get("external_id", ""),
            "app_installed_team_id": TEAM,
            "bot_id": BOT,
        }


@dataclass(slots=True)
class _Trigger:
    user: str
    at: float
    channel: str
    view: str
    used: bool = False


class Views:
    """All open modals, and the triggers that may open more.

    Args:
        workspace: Whose people look at them.
        clock: Seconds; triggers expire by it.

    Attributes:
        trigger_seconds: For which a trigger can be used.
    """

    def __init__(self, workspace: Workspace, clock: Callable[[], float]) -> None:
        self.trigger_seconds = TRIGGER_SECONDS
        self._workspace = workspace
        self._clock = clock
        self._triggers: dict[str, _Trigger] = {}
        self._stacks: dict[str, list[OpenView]] = {}

    def trigger(self, user: str, channel: str = "", view: str = "") -> str:
        """A new trigger_id for what a person just did."""
        name = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**13)}.{secrets.token_hex(16)}"
        self._triggers[name] = _Trigger(user, self._clock(), channel, view)
        if len(self._triggers) > _TRIGGERS:
            del self._triggers[next(iter(self._triggers))]
        return name

    def stack(self, user: str) -> tuple[OpenView, ...]:
        """A person's modals, the topmost last."""
        return tuple(self._stacks.get(user, ()))

    def all(self) -> Iterator[OpenView]:
        """Every open view."""
        for stack in self._stacks.values():
            yield from stack

    def find(self, view: str | OpenView) -> OpenView:
        """An open view by id, external id or callback id.

        Raises:
            NotPossibleError: It is not open.
        """
        if isinstance(view, OpenView):
            view = view.id
        for each in self.all():
            if view and view in {each.id, each.given.get("external_id"), each.given.get("callback_id")}:
                return each
        raise NotPossibleError(f"no view {view} is open")

    def open(self, trigger_id: str, given: object) -> OpenView:
        """views.open: a new stack with one view."""
        view = self._checked(given)
        trigger = self._spend(trigger_id)
        opened = self._made(view, trigger.user, trigger.channel)
        self._stacks[trigger.user] = [opened]
        return opened

    def push(self, trigger_id: str, given: object) -> OpenView:
        """views.push: a view over the topmost one."""
        view = self._checked(given)
        trigger = self._spend(trigger_id)
        if not trigger.view or not self.stack(trigger.user):
            raise SlackError("invalid_trigger_id")
        return self.put_over(trigger.user, view)

    def put_over(self, user: str, given: object) -> OpenView:
        """Another view over a person's topmost one."""
        view = self._checked(given)
        stack = self._stacks[user]
        if len(stack) >= STACK:
            raise SlackError("push_limit_reached")
        pushed = self._made(view, user, stack[-1].came_from)
        pushed.root, pushed.previous = stack[0].id, stack[-1].id
        stack.append(pushed)
        return pushed

    def update(self, given: object, *, view_id: str, external_id: str = "", hash_: str = "") -> OpenView:
        """views.update: what was typed stays where block_id, action_id and type are the same."""
        named = view_id or external_id
        view = next((each for each in self.all() if named in {each.id, each.given.get("external_id")}), None)
        if not named or view is None:
            raise SlackError("not_found")
        if hash_ and hash_ != view.hash:
            raise SlackError("hash_conflict")
        new = self._checked(given, besides=view)
        before = {
            (block["block_id"], each["action_id"]): each["type"] for block, each in inputs_of(view.given["blocks"])
        }
        view.given = _with_ids(new)
        view.hash = self._hash()
        view.errors = {}
        kept = dict(view.typed)
        view.typed = {}
        for block, element in inputs_of(view.given["blocks"]):
            ids = (block["block_id"], element["action_id"])
            view.typed[ids] = kept[ids] if before.get(ids) == element["type"] else _initial(element, view.came_from)
        return view

    def close(self, view: OpenView) -> None:
        """Take a view, and those over it, off the screen."""
        stack = self._stacks[view.user]
        del stack[stack.index(view) :]

    def clear(self, user: str) -> None:
        """Take all of a person's views off the screen."""
        self._stacks.pop(user, None)

    def _spend(self, name: str) -> _Trigger:
        trigger = self._triggers.get(name)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self._clock() - trigger.at > self.trigger_seconds:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger

    def _checked(self, given: object, besides: OpenView | None = None) -> dict[str, Any]:
        refuse(check_view(given))
        assert isinstance(given, dict)
        if count_bytes(given) > VIEW_BYTES:
            raise SlackError("view_too_large")
        external = given.get("external_id")
        if external and any(each is not besides and each.given.get("external_id") == external for each in self.all()):
            raise SlackError("duplicate_external_id")
        return given

    def _made(self, given: dict[str, Any], user: str, channel: str) -> OpenView:
        name = f"V0{secrets.token_hex(5).upper()}"
        view = OpenView(name, user, _with_ids(given), self._hash(), root=name, came_from=channel)
        for block, element in inputs_of(view.given["blocks"]):
            view.typed[block["block_id"], element["action_id"]] = _initial(element, channel)
        return view

    def _hash(self) -> str:
        return f"{int(self._clock())}.{secrets.token_urlsafe(6)}"


def refuse(findings: Iterator[Any], error: str = "invalid_arguments") -> None:
    """Raise Slack's error when something is wrong, naming each pointer."""
    messages = [f"[ERROR] {each.sentence} [json-pointer:{each.pointer}]" for each in findings]
    if messages:
        raise SlackError(error, errors=messages, response_metadata={"messages": messages})


def inputs_of(blocks: list[Block]) -> Iterator[tuple[Block, Block]]:
    """Every element that has a value, with its block."""
    for block in blocks:
        elements = [block.get("element"), block.get("accessory"), *_interactive(block)]
        for element in elements:
            if isinstance(element, dict) and element.get("type") in INPUT_ELEMENTS:
                yield block, element


def elements_of(blocks: list[Block]) -> Iterator[tuple[Block, Block]]:
    """Every element that can be pressed or filled in, with its block."""
    for block in blocks:
        for element in [block.get("element"), block.get("accessory"), *_interactive(block)]:
            if isinstance(element, dict) and "action_id" in element:
                yield block, element


def with_ids(blocks: list[Block]) -> list[Block]:
    """Blocks with an id for each block and element that had none; random ones, as Slack gives them.

    So a view that leaves them out loses what was typed at its next update.
    """
    return [_named(block) for block in blocks]


def _with_ids(given: dict[str, Any]) -> dict[str, Any]:
    return {**given, "blocks": with_ids(given["blocks"])}


def _named(block: Block) -> Block:
    named = {"block_id": secrets.token_urlsafe(4), **block}
    for key in ("element", "accessory"):
        if isinstance(block.get(key), dict) and block[key]["type"] != "image":
            named[key] = {"action_id": secrets.token_urlsafe(4), **block[key]}
    if block["type"] == "actions":
        named["elements"] = [{"action_id": secrets.token_urlsafe(4), **each} for each in block["elements"]]
    return named


def _interactive(block: Block) -> list[Any]:
    return block["elements"] if block["type"] == "actions" else []


def _initial(element: Block, channel: str) -> Any:
    kind = element["type"]
    if kind in _SEVERAL:
        return element.get(_SEVERAL[kind][1], [])
    if kind == "conversations_select" and element.get("default_to_current_conversation") and channel:
        return channel
    return element.get(_SINGLE[kind][1])

"""What people do in Slack: type commands, press buttons, fill in modals; and what Slack then shows them."""

import asyncio
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playground.slack.blocks import PLAIN_OPTION
from playground.slack.chat_methods import ChatMethods
from playground.slack.choices import check_inputs, choose, dispatches, find_element, write_action
from playground.slack.delivery import Answer, Delivery, Line, Told
from playground.slack.errors import NotPossibleError, SlackError
from playground.slack.manifest import Manifest
from playground.slack.mentions import escape_typed
from playground.slack.payloads import (
    new_event_id,
    write_closed,
    write_command,
    write_global_shortcut,
    write_message_actions,
    write_message_shortcut,
    write_submission,
    write_suggestion,
    write_view_actions,
)
from playground.slack.records import Records
from playground.slack.response_urls import ResponseUrls
from playground.slack.rules import array
from playground.slack.views import Field, OpenView, Views, inputs_of
from playground.slack.workspace import Block, Conversation, Ephemeral, Message, Person, Workspace

ACK_SECONDS = 3.0  # Slack's patience with commands, presses, submissions, options and events
TROUBLE = "We had some trouble connecting. Try again?"
_OPTIONS = array(PLAIN_OPTION, 100, 0)

Target = Message | Ephemeral | OpenView | str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of something that a person did.

    Attributes:
        status: The app's HTTP status, 200 for an ack in Socket Mode, 0 when it did not answer or was not asked.
        body: The app's answer: JSON, else text, "" when empty.
        elapsed: Seconds until the answer.
        shown: The sentence that Slack itself shows the person, "" when all went well.
        errors: Sentences under inputs, by block_id.
        ephemeral: What the app's answer to a command shows.
        delivery: What was sent, to be redelivered; None when Slack asked nobody.
        copies: The answers to further copies of the same delivery.
    """

    status: int = 0
    body: Any = ""
    elapsed: float = 0.0
    shown: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    ephemeral: Ephemeral | None = None
    delivery: Delivery | None = None
    copies: tuple[Answer, ...] = ()


class Acting:
    """The hands of people; PretendSlack is built upon it.

    Every method takes people by id or handle, conversations by id or name, and raises NotPossibleError for what
    nobody could do in Slack's own client.
    """

    manifest: Manifest
    workspace: Workspace
    views: Views
    records: Records
    clock: Callable[[], float]
    ack_seconds: float
    _line: Line
    _chat: ChatMethods
    _responses: ResponseUrls
    _origin: str
    _offered: dict[tuple[str, Field], dict[str, Block]]

    async def command(
        self,
        user: str,
        channel: str | Conversation,
        text: str = "",
        command: str = "/sms",
        *,
        escape: bool | None = None,
        phones: bool = False,
        copies: int = 1,
    ) -> Outcome:
        """Type a slash command.

        Args:
            user: Who types.
            channel: Where; commands cannot be typed in threads.
            text: After the command, as typed.
            command: With its slash.
            escape: Escape mentions and links; None does what the manifest says; False leaves even `&` alone.
            phones: Turn phone numbers into `<tel:…|…>`.
            copies: Send the same request so many times at once; the first one's answer is what the person sees.
        """
        person, conversation = self._there(user, channel)
        if command not in self.manifest.commands:
            return Outcome(shown=f"{command} is not a valid command.")
        typed = text
        if escape is not False:
            mentions = escape or self.manifest.commands[command].should_escape
            seen = list(self.workspace.seen_by(person.id))
            typed = escape_typed(text, list(self.workspace.people.values()), seen, mentions=mentions, phones=phones)
        payload = write_command(
            person,
            conversation,
            command,
            typed.strip(),
            response_url=self._origin + self._responses.new(conversation.id, person.id),
            trigger_id=self.views.trigger(person.id, conversation.id),
        )
        outcome = await self._deliver(Delivery("slash_commands", payload), copies)
        problem = self._problem_of_command(outcome)
        if problem:
            return _with(outcome, shown=f"{command} failed with the error “{problem}”")
        return self._show_ack(outcome, person, conversation, command)

    async def global_shortcut(self, user: str, callback_id: str = "", *, copies: int = 1) -> Outcome:
        """Pick a global shortcut, the manifest's first one by default."""
        person = self._active(user)
        callback_id = self._shortcut("global", callback_id)
        payload = write_global_shortcut(
            person, callback_id, trigger_id=self.views.trigger(person.id), action_ts=self.workspace.ts()
        )
        return self._plain(await self._deliver(Delivery("interactive", payload), copies))

    async def message_shortcut(
        self, user: str, channel: str | Conversation, ts: str, callback_id: str = "", *, copies: int = 1
    ) -> Outcome:
        """Pick a message shortcut from a message's menu, the manifest's first one by default."""
        person, conversation = self._there(user, channel)
        callback_id = self._shortcut("message", callback_id)
        message = conversation.history.get(ts)
        if message is None:
            raise NotPossibleError(f"there is no message {ts} in {conversation.name}")
        payload = write_message_shortcut(
            person,
            conversation,
            message,
            callback_id,
            response_url=self._origin + self._responses.new(conversation.id, person.id, message),
            trigger_id=self.views.trigger(person.id, conversation.id),
            action_ts=self.workspace.ts(),
        )
        return self._plain(await self._deliver(Delivery("interactive", payload), copies))

    async def press(
        self, user: str, target: Target, action_id: str, value: Any = None, *, block_id: str = "", copies: int = 1
    ) -> Outcome:
        """Press a button, or pick from a select, in a message, an ephemeral or a view.

        Args:
            user: Who presses.
            target: A message as it was seen (an old value presses what has since gone), an ephemeral, a view or its id.
            action_id: Of the element, "" for the only one of the block.
            value: What is picked, for all but buttons.
            block_id: Where several elements have one action_id.
            copies: Send the same request so many times at once.
        """
        if isinstance(target, str | OpenView):
            view = self.views.find(target)
            if view.user != self._active(user).id:
                raise NotPossibleError(f"{user} does not see this view")
            return await self._act_in_view(view, block_id, action_id, value, copies=copies)
        person, conversation = self._there(user, target.channel, reading=True)
        if isinstance(target, Ephemeral) and target.user != person.id:
            raise NotPossibleError(f"{user} does not see this ephemeral")
        block, element = find_element(list(target.blocks), action_id, block_id)
        chosen = None if element["type"] == "button" else choose(element, value, {})
        payload = write_message_actions(
            person,
            conversation,
            target,
            [write_action(block, element, chosen, self.workspace.ts())],
            response_url=self._origin + self._responses.new(conversation.id, person.id, target),
            trigger_id=self.views.trigger(person.id, conversation.id),
        )
        return self._plain(await self._deliver(Delivery("interactive", payload), copies))

    async def type_in(
        self, view: OpenView | str, block_id: str, action_id: str, value: Any, *, enter: bool = False
    ) -> Outcome:
        """Fill in one input of a view; the app is told at once where the block dispatches.

        Args:
            view: Itself, its id or its callback_id.
            block_id: Of the input.
            action_id: Of the element, "" for the only one of the block.
            value: Text, an option's value, a conversation's id; a list for several; None empties it.
            enter: Press Enter at the end.
        """
        return await self._act_in_view(self.views.find(view), block_id, action_id, value, enter=enter)

    async def submit(self, user: str, view: OpenView | str = "", *, copies: int = 1) -> Outcome:
        """Press a view's submit button, of the topmost one by default.

        What was typed stays when there are errors.
        """
        person = self._active(user)
        stack = self.views.stack(person.id)
        top = self.views.find(view) if view else stack[-1] if stack else None
        if top is None or not stack or stack[-1] is not top:
            raise NotPossibleError(f"this view is not the topmost one of {user}")
        if "submit" not in top.given:
            raise NotPossibleError("this view has no submit button")
        top.errors = check_inputs(top)
        if top.errors:
            self.records.change("view", user=person.id, view=top.write(), errors=top.errors)
            return Outcome(errors=dict(top.errors))
        payload = write_submission(
            person,
            top,
            trigger_id=self.views.trigger(person.id, top.came_from, top.id),
            response_urls=self._response_urls(person, top),
        )
        outcome = await self._deliver(Delivery("interactive", payload), copies)
        if outcome.status != 200:  # noqa: PLR2004 -- the only status that Slack takes here
            return _with(outcome, shown=TROUBLE)
        return self._show_response_action(outcome, top)

    async def close_view(self, user: str, *, everything: bool = False) -> Outcome:
        """Press a view's close button, or close the whole stack."""
        person = self._active(user)
        stack = self.views.stack(person.id)
        if not stack:
            raise NotPossibleError(f"{user} has no view open")
        cleared = everything or bool(stack[-1].given.get("clear_on_close"))
        gone = stack if cleared else stack[-1:]
        self.views.close(gone[0])
        self.records.change("view_closed", user=person.id, view_id=gone[0].id)
        outcome = Outcome()
        for view in reversed(gone):
            if view.given.get("notify_on_close"):
                payload = write_closed(person, view, cleared=cleared)
                outcome = await self._deliver(Delivery("interactive", payload), 1)
        return outcome

    async def options(self, view: OpenView | str, block_id: str, action_id: str, query: str) -> Outcome:
        """Type in an external select; the body holds the options, which can be picked from then on."""
        view = self.views.find(view)
        block, element = find_element(view.given["blocks"], action_id, block_id)
        if len(query) < element.get("min_query_length", 3):
            return Outcome(body={"options": []})
        person = self.workspace.people[view.user]
        payload = write_suggestion(person, view, block["block_id"], element["action_id"], query)
        outcome = await self._deliver(Delivery("interactive", payload), 1)
        body = outcome.body if isinstance(outcome.body, dict) else {}
        groups = body.get("option_groups", [])
        options = [*body.get("options", []), *(each for group in groups for each in group["options"])]
        wrong = [str(each) for each in _OPTIONS(options, "/options")]
        if outcome.status != 200 or wrong:  # noqa: PLR2004 -- the only status that Slack takes here
            return _with(outcome, shown="; ".join(wrong) or "No results")
        ids = (block["block_id"], element["action_id"])
        self._offered[view.id, ids] = {each["value"]: each for each in options}
        return outcome

    async def redeliver(
        self, what: Outcome | Told | Delivery, *, retry: int = 0, reason: str = "", new_id: bool = False
    ) -> Answer:
        """Send the same thing once more, signed anew; nothing of the answer is shown to anybody.

        Args:
            what: A delivery, or what carries one.
            retry: Which redelivery of an event it is: X-Slack-Retry-Num.
            reason: Why: X-Slack-Retry-Reason, `http_timeout` by default for a retry.
            new_id: The event comes with another event_id, as was seen after reconnects and in shared channels.
        """
        delivery = what if isinstance(what, Delivery) else what.delivery
        if delivery is None:
            raise NotPossibleError("nothing was delivered, so nothing can be redelivered")
        payload = {**delivery.payload, "event_id": new_event_id()} if new_id else delivery.payload
        again = Delivery(delivery.kind, payload, retry, reason or ("http_timeout" if retry else ""))
        return await self._line.send(again, self.ack_seconds)

    async def _act_in_view(
        self, view: OpenView, block_id: str, action_id: str, value: Any, *, enter: bool = False, copies: int = 1
    ) -> Outcome:
        block, element = find_element(view.given["blocks"], action_id, block_id)
        ids = (block["block_id"], element["action_id"])
        chosen = None
        if element["type"] != "button":
            chosen = choose(element, value, self._offered.get((view.id, ids), {}))
        if element["type"] not in {"button", "overflow"}:
            view.typed[ids] = chosen
            view.errors.pop(ids[0], None)
            self.records.change("typed", user=view.user, view_id=view.id, block_id=ids[0], action_id=ids[1])
        if not dispatches(block, element, enter=enter):
            return Outcome()
        payload = write_view_actions(
            self.workspace.people[view.user],
            view,
            [write_action(block, element, chosen, self.workspace.ts())],
            trigger_id=self.views.trigger(view.user, view.came_from, view.id),
        )
        return self._plain(await self._deliver(Delivery("interactive", payload), copies))

    async def _deliver(self, delivery: Delivery, copies: int) -> Outcome:
        sent = (self._line.send(delivery, self.ack_seconds) for _ in range(copies))
        first, *others = await asyncio.gather(*sent)
        return Outcome(
            status=first.status,
            body=first.body,
            elapsed=first.elapsed,
            shown=first.problem,
            delivery=delivery,
            copies=tuple(others),
        )

    def _problem_of_command(self, outcome: Outcome) -> str:
        if outcome.shown:
            return outcome.shown
        return "" if outcome.status == 200 else "dispatch_failed"  # noqa: PLR2004 -- the only status that Slack takes

    def _show_ack(self, outcome: Outcome, person: Person, channel: Conversation, command: str) -> Outcome:
        body = outcome.body
        if not body:
            return outcome
        answer = body if isinstance(body, dict) else {"text": str(body)}
        try:
            ephemeral = self._responses.answer(channel.id, person.id, answer)
        except SlackError as error:
            return _with(outcome, shown=f"{command} failed with the error “{error.error}”")
        return _with(outcome, ephemeral=ephemeral)

    def _plain(self, outcome: Outcome) -> Outcome:
        return outcome if outcome.status == 200 else _with(outcome, shown=outcome.shown or TROUBLE)  # noqa: PLR2004 -- as above

    def _show_response_action(self, outcome: Outcome, view: OpenView) -> Outcome:
        body = outcome.body if isinstance(outcome.body, dict) else {}
        action = body.get("response_action")
        try:
            if action == "errors":
                return self._show_errors(outcome, view, body.get("errors") or {})
            if action == "update":
                shown = self.views.update(body.get("view"), view_id=view.id)
            elif action == "push":
                shown = self.views.put_over(view.user, body.get("view"))
            elif action == "clear" or not outcome.body:
                if action == "clear":
                    self.views.clear(view.user)
                elif view in self.views.stack(view.user):
                    self.views.close(view)
                self.records.change("view_closed", user=view.user, view_id=view.id)
                return outcome
            else:
                return _with(outcome, shown=TROUBLE)
        except SlackError as error:
            return _with(outcome, shown=f"{TROUBLE} ({error.error}: {error.more.get('errors', '')})")
        self.records.change("view", user=shown.user, view=shown.write())
        return outcome

    def _show_errors(self, outcome: Outcome, view: OpenView, errors: dict[str, str]) -> Outcome:
        inputs = {block["block_id"] for block in view.given["blocks"] if block["type"] == "input"}
        if not errors or set(errors) - inputs:
            return _with(outcome, shown=TROUBLE)
        view.errors = dict(errors)
        self.records.change("view", user=view.user, view=view.write(), errors=view.errors)
        return _with(outcome, errors=dict(errors))

    def _response_urls(self, person: Person, view: OpenView) -> list[dict[str, str]]:
        urls = []
        for block, element in inputs_of(view.given["blocks"]):
            chosen = view.typed.get((block["block_id"], element["action_id"]))
            if element.get("response_url_enabled") and chosen:
                url = self._origin + self._responses.new(chosen, person.id)
                ids = {"block_id": block["block_id"], "action_id": element["action_id"]}
                urls.append({**ids, "channel_id": chosen, "response_url": url})
        return urls

    def _shortcut(self, kind: str, callback_id: str) -> str:
        known = [name for name, each in self.manifest.shortcuts.items() if each == kind]
        if not callback_id and known:
            return known[0]
        if callback_id not in known:
            raise NotPossibleError(f"the manifest has no {kind} shortcut {callback_id}; it has {', '.join(known)}")
        return callback_id

    def _active(self, user: str) -> Person:
        person = self.workspace.person(user)
        if person.deleted:
            raise NotPossibleError(f"{user} has been deactivated")
        return person

    def _there(self, user: str, channel: str | Conversation, *, reading: bool = False) -> tuple[Person, Conversation]:
        person = self._active(user)
        conversation = self.workspace.conversation(channel)
        if person.id not in conversation.members:
            raise NotPossibleError(f"{person.name} is not in {conversation.name}")
        if conversation.archived and not reading:
            raise NotPossibleError(f"{conversation.name} is archived, nobody can write there")
        return person, conversation


def _with(outcome: Outcome, **changes: Any) -> Outcome:
    return dataclasses.replace(outcome, **changes)

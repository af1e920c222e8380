/** The page's own server: what people do goes there, what changes comes back as Server-Sent Events. */

const PATIENCE = 15_000; // milliseconds; the bot has three seconds, CarrierX's slow answers do not hold Slack

/** Do something as `user`; never throws, trouble comes back as {problem: sentence}. */
export class Api {
  constructor(user) { this.user = user; }

  say = (channel, text, thread, broadcast, files = []) => this.#post("say", { channel, text, thread_ts: thread, broadcast, files });
  edit = (channel, ts, text) => this.#post("edit", { channel, ts, text });
  delete = (channel, ts) => this.#post("delete", { channel, ts });
  react = (channel, ts, name, on) => this.#post("react", { channel, ts, name, on });
  reload = () => this.#post("reload", {});
  command = (channel, text) => this.#post("command", { channel, text });
  shortcut = (callback) => this.#post("shortcut", { callback_id: callback });
  messageShortcut = (callback, channel, ts) => this.#post("message_shortcut", { callback_id: callback, channel, ts });
  press = (channel, ts, block, action, value) => this.#post("press", { channel, ts, block_id: block, action_id: action, value });
  act = (view, block, action, value, state, enter) => this.#post("view/act", { view_id: view, block_id: block, action_id: action, value, state, enter });
  options = (view, block, action, query) => this.#post("view/options", { view_id: view, block_id: block, action_id: action, query });
  submit = (view, state) => this.#post("view/submit", { view_id: view, state });
  close = (view) => this.#post("view/close", { view_id: view });
  carrier = (change) => this.#post("carrier", change);
  phone = (text) => this.#post("phone", text);
  clock = (move) => this.#post("clock", { move });

  /** Put a file into Slack, where nobody sees it yet; {file} or {problem}. */
  upload = (file) => this.#send(`upload?user=${this.user}&name=${encodeURIComponent(file.name)}`, { body: file });

  #post(path, body) {
    return this.#send(path, { headers: { "content-type": "application/json" }, body: JSON.stringify({ user: this.user, ...body }) });
  }

  async #send(path, request) {
    try {
      const answer = await fetch(`/api/${path}`, { method: "POST", ...request, signal: AbortSignal.timeout(PATIENCE) });
      const read = await answer.json();
      return answer.ok ? read : { problem: read.problem ?? `The playground answered ${answer.status}.` };
    } catch {
      return { problem: "The playground did not answer. Look at the terminal where it runs." };
    }
  }
}

/** The state as `user` sees it, again and again; comes back by itself after the server was away. */
export function listen(user, { state, online }) {
  const source = new EventSource(`/api/events?user=${encodeURIComponent(user)}`);
  source.addEventListener("state", (event) => { online(true); state(JSON.parse(event.data)); });
  source.addEventListener("error", () => online(false));
  return () => source.close();
}

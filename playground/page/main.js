/** The page: listens for the state, draws it, remembers where the person is. */

import { Api, listen } from "./api.js";
import { Clock } from "./clock.js";
import { Modal } from "./modal.js";
import { Phones } from "./phones.js";
import { Workspace } from "./workspace.js";
import { World } from "./world.js";

const OFFLINE = "The playground does not answer. If you stopped it, start it again with “make demo”; this page comes back by itself.";

const world = new World();
const offline = document.querySelector(".offline");
const count = document.querySelector(".tabs .count");
let api, modal, stop;

const workspace = new Workspace(document.querySelector("#slack"), world, {
  api: () => api,
  as: (user) => enter(user),
  moved: () => remember(),
  plan: (values) => { modal.plan = values; },
});
const phones = new Phones(document.querySelector("#carrier"), (change) => api.carrier(change), (text) => api.phone(text));
const watch = new Clock(document.querySelector(".clock"), world, (move) => api.clock(move));

/** Where the person is survives a reload. */
function remember() {
  const { channel, thread } = world.here;
  history.replaceState(null, "", `#${new URLSearchParams({ as: api.user, channel, thread })}`);
}

/** Be somebody: their channels, their ephemerals, their modals. */
function enter(user) {
  stop?.();
  api = new Api(user);
  modal?.show([]);
  seen = null;
  modal = new Modal(world, api);
  stop = listen(user, {
    online: (yes) => say(yes ? world.state?.status : OFFLINE),
    state: (state) => {
      say(state.status);
      world.take(state);
      api.user = state.me; // who came without a name is somebody now
      workspace.draw();
      phones.draw(state.carrier);
      watch.draw();
      modal.show(state.views);
      showCount();
      remember();
      document.body.dataset.ready = state.me;
    },
  });
}

/** A sentence above everything: the server or the bot is away. */
function say(sentence) {
  offline.hidden = !sentence;
  offline.textContent = sentence ?? "";
}

let seen = null; // texts on phones when those were last looked at

function showCount() {
  if (seen === null || document.body.dataset.tab === "phones") seen = phones.arrived;
  count.hidden = phones.arrived <= seen;
  count.textContent = String(phones.arrived - seen);
}

function showTab(name) {
  document.body.dataset.tab = name;
  for (const tab of document.querySelectorAll(".tabs [role=tab]")) {
    tab.setAttribute("aria-selected", String(tab.id === `tab-${name}`));
    tab.tabIndex = tab.id === `tab-${name}` ? 0 : -1;
  }
  showCount();
}

for (const tab of document.querySelectorAll(".tabs [role=tab]")) {
  tab.addEventListener("click", () => showTab(tab.id.slice(4)));
  tab.addEventListener("keydown", ({ key }) => {
    if (key !== "ArrowLeft" && key !== "ArrowRight") return;
    const other = document.querySelector(".tabs [role=tab][aria-selected=false]");
    other.click();
    other.focus();
  });
}

const emoji = await fetch("/api/emoji");
world.emoji = await emoji.json();
const where = new URLSearchParams(location.hash.slice(1));
world.here = { channel: where.get("channel") ?? "", thread: where.get("thread") ?? "" };
if (performance.getEntriesByType("navigation")[0]?.type === "reload" && where.get("as")) await new Api(where.get("as")).reload();
enter(where.get("as") ?? "");

/** Elements, made by hand: text only ever goes in as text. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element.
 *
 * `props`: `class`, `text`, `on` (listeners), `data` (data-*), `style` (custom properties), true and false for
 * boolean attributes; any other name is an attribute, left out when null or undefined.
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") node.className = value;
    else if (name === "text") node.textContent = value;
    else if (name === "on") for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "style") for (const [key, text] of Object.entries(value)) node.style.setProperty(key, text);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

const ICONS = {
  hash: "M9 3 7 21M17 3l-2 18M4 8.5h17M3 15.5h17",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M5 11h14v9H5z",
  shared: "M8 8a4 4 0 1 0 0 8c4 0 4-8 8-8a4 4 0 1 1 0 8c-4 0-4-8-8-8z",
  bolt: "M13 2 5 13h6l-1 9 9-12h-6z",
  send: "M4 12 3 4l18 8-18 8 1-8zm0 0h8",
  close: "M5 5l14 14M19 5 5 19",
  reply: "M4 5h16v11H10l-5 4v-4H4z",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  eye: "M2 12s4-7 10-7 10 7 10 7-4 7-10 7S2 12 2 12zm7 0a3 3 0 1 0 6 0 3 3 0 0 0-6 0z",
  menu: "M4 6h16M4 12h16M4 18h16",
  back: "M15 4l-8 8 8 8",
  down: "M5 9l7 7 7-7",
  check: "M4 12l6 6L20 6",
  group: "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zm-7 9c0-4 3-6 7-6s7 2 7 6M16 4a4 4 0 0 1 0 7m2 3c3 .6 4 3 4 6",
  smile: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9 10v.01M15 10v.01M8.5 14.5a4.5 4.5 0 0 0 7 0",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15 9v.01",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3 3",
  warn: "M12 3 2 20h20zM12 10v4m0 3v.01",
};

/** A line drawing of 24 × 24 that a screen reader passes over. */
export function icon(name, size = 18) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 24 24", width: size, height: size, class: `icon icon-${name}`, "aria-hidden": "true",
  })) svg.setAttribute(key, value);
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * Make `parent`'s children those of `wanted` ([key, signature, draw]) and leave alone what has not changed.
 *
 * A node is drawn again only when its signature differs; one that holds the focus gets it back. Nodes that stay in
 * order are never moved, because moving takes the focus away.
 */
export function reconcile(parent, wanted) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const keys = new Set(wanted.map(([key]) => key));
  for (const [key, node] of old) if (!keys.has(key)) node.remove();
  let cursor = parent.firstElementChild;
  for (const [key, signature, draw] of wanted) {
    const there = old.get(key);
    if (there && there.signature === signature) {
      if (there === cursor) cursor = cursor.nextElementSibling;
      else parent.insertBefore(there, cursor);
      continue;
    }
    const node = draw();
    node.dataset.key = key;
    node.signature = signature;
    if (!there) parent.insertBefore(node, cursor);
    else {
      if (there === cursor) cursor = cursor.nextElementSibling;
      const focus = holdFocus(there);
      there.replaceWith(node);
      if (node.nextElementSibling !== cursor) parent.insertBefore(node, cursor);
      focus(node);
    }
  }
}

/** Remember what is focused inside `node` and where its caret is; the answer gives it back to the node's successor. */
function holdFocus(node) {
  const active = document.activeElement;
  if (!node.contains(active)) return () => {};
  const name = active.dataset.focus;
  const caret = Number.isInteger(active.selectionStart) ? [active.selectionStart, active.selectionEnd] : null;
  return (successor) => {
    const heir = name && successor.querySelector(`[data-focus="${CSS.escape(name)}"]`);
    if (!heir) return;
    heir.focus({ preventScroll: true });
    if (caret && heir.setSelectionRange) heir.setSelectionRange(...caret);
  };
}

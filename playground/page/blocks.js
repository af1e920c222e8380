/** Block Kit blocks in messages and views. */

import { confirmed } from "./confirm.js";
import { el } from "./dom.js";
import { drawElement } from "./elements.js";
import { drawRichElement, drawText } from "./text.js";
import { unknown } from "./unknown.js";

const DRAW = {
  section(block, world, form) {
    const text = block.text ? el("div", { class: "section-text" }, drawText(block.text, world)) : null;
    const fields = block.fields
      ? el("div", { class: "fields" }, block.fields.map((field) => el("div", { class: "field-text" }, drawText(field, world))))
      : null;
    const accessory = block.accessory ? el("div", { class: "accessory" }, drawPart(block.accessory, block, world, form)) : null;
    return el("div", { class: "block section" }, el("div", { class: "section-body" }, text, fields), accessory);
  },

  context(block, world) {
    return el("div", { class: "block context" }, block.elements.map((element) =>
      element.type === "image" ? picture(element, "context-image") : drawText(element, world)));
  },

  divider: () => el("hr", { class: "block divider" }),

  header: (block, world) => el("h3", { class: "block header" }, drawText(block.text, world)),

  image: (block, world) => el("figure", { class: "block image" },
    block.title ? el("figcaption", {}, drawText(block.title, world)) : null, picture(block, "image-body")),

  actions: (block, world, form) => el("div", { class: "block actions" },
    block.elements.map((element) => drawPart(element, block, world, form))),

  rich_text: (block, world) => el("div", { class: "block rich" }, block.elements.map((part) => drawRich(part, world))),

  input: (block, world, form) => (form ? form.field(block) : unknown("block outside a modal", "input")),
};

/** The blocks of a message or a view; `form` holds what is typed in a view and is null in a message. */
export function drawBlock(block, world, form) {
  const draw = DRAW[block.type];
  return draw ? draw(block, world, form) : unknown("block", block.type);
}

const RICH = {
  rich_text_section: (part, world) => el("div", { class: "rich-section", dir: "auto" }, inline(part, world)),
  rich_text_quote: (part, world) => el("blockquote", { dir: "auto" }, inline(part, world)),
  rich_text_preformatted: (part, world) => el("pre", { dir: "auto" }, inline(part, world)),
  rich_text_list: (part, world) => el(part.style === "ordered" ? "ol" : "ul",
    { start: part.offset ? part.offset + 1 : null, class: "rich-list", style: { "--indent": String(part.indent ?? 0) } },
    part.elements.map((item) => el("li", { dir: "auto" }, inline(item, world)))),
};

function drawRich(part, world) {
  const draw = RICH[part.type];
  return draw ? draw(part, world) : unknown("rich_text part", part.type);
}

function inline(part, world) {
  return part.elements.map((element) => drawRichElement(element, world));
}

/** An accessory, or an element of an actions block. */
function drawPart(element, block, world, form) {
  if (element.type === "image") return picture(element, "accessory-image");
  if (element.type === "button") return drawButton(element, block, world, form);
  if (form) return form.loose(block, element);
  return drawElement(element, { world, value: undefined, change: (value) => world.act(block, element, value), options: world.options });
}

function drawButton(element, block, world, form) {
  const press = form ? form.press : world.act;
  const button = el("button", {
    type: "button", class: `button ${element.style ?? ""}`, "aria-label": element.accessibility_label,
    data: { action: element.action_id, focus: `${block.block_id}/${element.action_id}` },
    on: {
      click: async () => {
        if (element.confirm && !(await confirmed(element, world))) return;
        if (element.url) window.open(element.url, "_blank", "noreferrer,noopener");
        button.disabled = true;
        button.setAttribute("aria-busy", "true");
        await press(block, element, { type: "button", value: element.value ?? null });
        button.disabled = false;
        button.removeAttribute("aria-busy");
      },
    },
  }, drawText(element.text, world));
  return button;
}

/** An image by its address; only http and https are ever loaded. */
export function picture(element, classes) {
  const url = element.image_url ?? element.slack_file?.url;
  if (!/^https?:\/\//i.test(url ?? "")) return el("span", { class: "no-picture", text: `A picture that is not on the web: ${url}` });
  return el("img", { class: classes, src: url, alt: element.alt_text, title: element.alt_text, loading: "lazy", referrerpolicy: "no-referrer" });
}

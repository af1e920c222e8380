/** Block Kit's interactive elements: text inputs, selects, radio buttons, checkboxes and files. */

import { el, icon } from "./dom.js";
import { drawSelect } from "./select.js";
import { drawText } from "./text.js";
import { unknown } from "./unknown.js";

/*
 * Each takes the element and `use`:
 *   world; id, label, describedBy, invalid, focus: how it is named and described;
 *   value: its part of view.state.values, undefined when nothing was chosen yet;
 *   change(value, typing): tell of a new value; `typing` is "character" or "enter" for text;
 *   upload(file): promise of {file} or {problem};
 *   options(block suggestion query): promise of {options} or {option_groups}.
 */
const DRAW = {
  plain_text_input(element, use) {
    const tag = element.multiline ? "textarea" : "input";
    const input = el(tag, {
      ...named(use), class: "text-input", placeholder: element.placeholder?.text, type: element.multiline ? null : "text",
      rows: element.multiline ? 3 : null, dir: "auto", autocomplete: "off",
      on: {
        input: () => { grow(input); use.change({ type: element.type, value: input.value || null }, "character"); },
        keydown: (event) => { if (event.key === "Enter" && !event.isComposing) use.enter?.(event, element, input); },
      },
    });
    input.value = use.value?.value ?? "";
    if (element.multiline) requestAnimationFrame(() => grow(input));
    return input;
  },

  static_select: (element, use) => drawOptions(element, use, () => Promise.resolve(element)),

  external_select: (element, use) => drawOptions(element, use, use.options, element.min_query_length ?? 3),

  conversations_select(element, use) {
    const world = use.world;
    const chosen = use.value?.selected_conversation;
    const option = (channel) => ({ label: world.titleOf(channel), value: channel.id });
    return drawSelect({
      ...named(use), focus: use.focus, label: use.label, placeholder: element.placeholder?.text || "Choose a conversation",
      selected: chosen ? { label: world.titleOf(world.channel(chosen) ?? { id: chosen }), value: chosen } : null,
      load: async (query) => [{ options: matching(world.selectable(element.filter).map(option), query) }],
      choose: ({ value }) => use.change({ type: element.type, selected_conversation: value }),
    });
  },

  radio_buttons: (element, use) => drawChoices(element, use, "radio"),

  checkboxes: (element, use) => drawChoices(element, use, "checkbox"),

  file_input(element, use) {
    const most = element.max_files ?? 10;
    let files = use.value?.files ?? [];
    const input = el("input", { ...named(use), class: "file-input", type: "file", multiple: most > 1,
      accept: element.filetypes?.map((type) => `.${type}`).join(",") || null });
    const list = el("ul", { class: "file-list" });
    const show = (problem = "") => list.replaceChildren(
      ...files.map((file) => el("li", {}, el("span", { class: "file", dir: "auto", text: file.name }),
        el("button", { type: "button", class: "icon-button", "aria-label": `Remove ${file.name}`, on: { click: () => keep(files.filter(({ id }) => id !== file.id)) } }, icon("close", 14)))),
      ...(problem ? [el("li", { class: "field-error", role: "alert", text: problem })] : []));
    const keep = (kept, problem) => {
      files = kept;
      use.change({ type: element.type, files });
      show(problem);
    };
    input.addEventListener("change", async () => {
      const picked = [...input.files].slice(0, most - files.length);
      input.value = "";
      const answers = await Promise.all(picked.map(use.upload));
      keep([...files, ...answers.flatMap(({ file }) => file ?? [])], answers.find(({ problem }) => problem)?.problem);
    });
    show();
    return el("div", { class: "files-field" }, input, list);
  },
};

/** An element that holds a value. */
export function drawElement(element, use) {
  const draw = DRAW[element.type];
  return draw ? draw(element, use) : unknown("element", element.type);
}

/** Whether a required input has been left out. */
export function isEmpty(value) {
  if (Array.isArray(value.selected_options)) return value.selected_options.length === 0;
  if (value.type === "file_input") return !value.files?.length;
  return !(value.value?.trim() || value.selected_option || value.selected_conversation);
}

function named(use) {
  return {
    id: use.id, "aria-describedby": use.describedBy, "aria-invalid": use.invalid ? "true" : null,
    "aria-label": use.id ? null : use.label, ariaLabel: use.id ? null : use.label, data: { focus: use.focus },
  };
}

function grow(input) {
  if (input.tagName !== "TEXTAREA") return;
  input.style.height = "auto";
  input.style.height = `${Math.min(input.scrollHeight + 2, 220)}px`;
}

function drawOptions(element, use, source, least = 0) {
  const plain = (option) => ({ label: option.text.text, description: option.description?.text, value: option.value, raw: option });
  const remote = element.type === "external_select";
  const selected = use.value?.selected_option;
  return drawSelect({
    ...named(use), focus: use.focus, label: use.label, placeholder: element.placeholder?.text, remote,
    selected: selected ? plain(selected) : null,
    load: async (query) => {
      if (query.length < least) return `Type ${least - query.length} more to search`;
      const found = await source(query);
      if (typeof found === "string") return found;
      const groups = found.option_groups?.map((group) => ({ label: group.label.text, options: group.options.map(plain) }))
        ?? [{ options: (found.options ?? []).map(plain) }];
      if (remote) return groups;
      return groups.map((group) => ({ ...group, options: matching(group.options, query) }));
    },
    choose: ({ raw }) => use.change({ type: element.type, selected_option: raw }),
  });
}

function matching(options, query) {
  const words = query.toLocaleLowerCase().split(/\s+/);
  return options.filter(({ label, description }) => {
    const text = `${label} ${description ?? ""}`.toLocaleLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function drawChoices(element, use, type) {
  const name = `choice-${use.focus}`;
  const chosen = new Set(type === "radio"
    ? [use.value?.selected_option?.value]
    : (use.value?.selected_options ?? []).map((option) => option.value));
  const group = el("div", { class: "choices", role: type === "radio" ? "radiogroup" : "group", id: use.id, tabindex: "-1",
    "aria-label": use.label, "aria-describedby": use.describedBy, "aria-invalid": use.invalid ? "true" : null });
  element.options.forEach((option, index) => {
    const input = el("input", { type, name, value: option.value, data: { focus: `${use.focus}/${index}` } });
    input.checked = chosen.has(option.value);
    input.addEventListener("change", () => {
      if (type === "radio") return use.change({ type: element.type, selected_option: option });
      const ticked = [...group.querySelectorAll("input")].flatMap((box, at) => (box.checked ? [element.options[at]] : []));
      return use.change({ type: element.type, selected_options: ticked });
    });
    group.append(el("label", { class: "choice" }, input, el("span", { class: "choice-text" }, drawText(option.text, use.world),
      option.description ? el("small", {}, drawText(option.description, use.world)) : null)));
  });
  return group;
}

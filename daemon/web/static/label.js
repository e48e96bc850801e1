// Labels by one key each: A aurora, N none, O obscured, S skip, U undo, B back, M what the model found.
import { getCookie, setCookie } from "./common.js";
import { ask, at as address, word } from "./words.js";

const page = document.querySelector("[data-label]");
const form = page.querySelector("[data-queue-form]");
const image = page.querySelector("[data-frame]");
const who = page.querySelector("[data-who]");
const part = (name) => page.querySelector(`[data-${name}]`);
const KEYS = { a: "aurora", n: "none", o: "obscured", s: "skip" };

// The frames loaded last and what this page has sent of them: `given` by position, { id, label }; `order`, the positions
// in the order they were labelled, for undo. An answer still on its way when others are loaded stays with its own.
const batchOf = (queue, name) => ({ queue, name, given: new Map(), order: [] });
let batch = batchOf([], "");
let loads = 0;
let position = 0;
let labelled = 0;
let revealed = false;
let busy = Promise.resolve();

who.value = getCookie("aurorad_who");
who.addEventListener("change", () => setCookie("aurorad_who", who.value.trim()));

async function load() {
  const wanted = new URLSearchParams({ limit: "200" });
  for (const name of ["camera", "queue", "night"]) {
    if (form.elements[name].value) wanted.set(name, form.elements[name].value);
  }
  const mine = (loads += 1);
  await busy; // a frame whose label is on its way is not to be offered again
  const reply = await fetch(address(`/api/queue?${wanted}`)).catch(() => null);
  const answered = await reply?.json().catch(() => ({}));
  if (mine !== loads) return; // another queue was chosen meanwhile
  batch = batchOf(reply?.ok ? answered.queue : [], wanted.get("queue"));
  position = 0;
  show(reply?.ok ? "" : answered?.error || word("queueFailed"));
}

function show(trouble = "") {
  const { queue, given, order } = batch;
  const item = queue[position];
  part("undo").disabled = !order.length;
  part("back").disabled = position === 0;
  part("progress").max = Math.max(1, queue.length);
  part("progress").value = Math.min(position, queue.length);
  part("progress-text").textContent = queue.length ? word("labelled", { n: Math.min(position + 1, queue.length), all: queue.length, labelled }) : "";
  image.hidden = !item;
  part("empty").hidden = Boolean(item);
  page.dataset.at = item ? item.observed_at : "";
  if (!item) {
    part("empty").textContent = trouble || word(queue.length ? "queueDone" : "queueEmpty");
    part("frame-facts").textContent = "–";
    part("model-words").hidden = true;
    return;
  }
  if (item.picture) image.src = `${item.picture}?w=720`;
  image.alt = word("wholeSky", { where: item.where });
  const before = given.get(position);
  part("frame-facts").textContent = `${item.where} · ${item.sky}${before ? ` · ${word("yourLabel", { label: word(before.label) })}` : ""}`;
  part("model-words").textContent = item.model;
  part("model-words").hidden = !revealed;
  for (const next of [1, 2, 3]) {
    const ahead = queue[position + next];
    if (ahead?.picture) new Image().src = `${ahead.picture}?w=720`;
  }
}

function name() {
  const text = who.value.trim();
  if (!text) {
    who.focus();
    note(word("nameFirst"));
  }
  return text;
}

const note = (text) => { part("last").textContent = text; };

// Answers are sent one after the other, in the order of the keys, however fast they come.
function inTurn(work) {
  busy = busy.then(work).catch((error) => note(word("notSaved", { reason: error.message })));
  return busy;
}

function answer(label) {
  const at = position;
  const { queue, name: from, given, order } = batch;
  const item = queue[at];
  const by = who.value.trim();
  if (!item || page.dataset.locked === "true") return;
  if (label !== "skip" && !name()) return;
  position += 1;
  show();
  if (label === "skip") {
    note(word("skippedOne"));
    return;
  }
  inTurn(async () => {
    const before = given.get(at);
    const saved = await ask(address("/label"), {
      camera: item.camera,
      observed_at: item.observed_at,
      label,
      who: by,
      queue: from,
    }).catch((error) => {
      if (!before) queue.push(item); // the frame is asked about again, at the end: a jump back would take the next key's answer
      show();
      throw error;
    });
    if (before) order.splice(order.indexOf(at), 1);
    else labelled += 1;
    given.set(at, { id: saved.id, label });
    order.push(at);
    if (before) await ask(address("/label/undo"), { id: before.id });
    note(word("saved", { label: word(label) }));
    show();
  });
}

function undo() {
  const { given, order } = batch;
  inTurn(async () => {
    const at = order.at(-1);
    if (at === undefined) return;
    const last = given.get(at);
    await ask(address("/label/undo"), { id: last.id }).catch((error) => {
      if (error.status !== 404) throw error; // it was taken back, and the answer lost
    });
    order.pop();
    given.delete(at);
    labelled -= 1;
    if (batch.given === given) position = at;
    note(word("undone", { label: word(last.label) }));
    show();
  });
}

function back() {
  if (position === 0) return;
  position -= 1;
  show();
}

function reveal() {
  revealed = !revealed;
  part("reveal").setAttribute("aria-pressed", String(revealed));
  show();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input, select, textarea")) return;
  const key = event.key.toLowerCase();
  if (KEYS[key]) answer(KEYS[key]);
  else if (key === "u") undo();
  else if (key === "b" || key === "backspace") back();
  else if (key === "m") reveal();
  else return;
  event.preventDefault();
});
page.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.answer) answer(button.dataset.answer);
  else if ("undo" in button.dataset) undo();
  else if ("back" in button.dataset) back();
  else if ("reveal" in button.dataset) reveal();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  setCookie("aurorad_who", who.value.trim());
  load();
  document.activeElement.blur();
});
for (const name_ of ["camera", "queue", "night"]) form.elements[name_].addEventListener("change", load);
load();

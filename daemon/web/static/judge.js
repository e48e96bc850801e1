// "Was this right?": the forms work without a script; with one the page stays where it is.
import { ask, getCookie, word } from "./words.js";

const WORDS = { aurora: "right", none: "wrong", obscured: "cantTell" };

async function judge(form, label) {
  const question = form.querySelector(".question");
  const who = getCookie("aurorad_who");
  const body = { event_id: form.elements.event_id.value, label, ...(who ? { who } : {}) };
  question.setAttribute("role", "status");
  try {
    await ask(form.getAttribute("action"), body);
    question.textContent = word(WORDS[label]);
    for (const button of form.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.value === label));
    }
    form.closest(".event").classList.toggle("wrong", label === "none");
  } catch (error) {
    question.textContent = word("notSaved", { reason: error.message });
  }
}

let listening = false;
let busy = Promise.resolve();

export function judgeForms() {
  if (listening) return;
  listening = true;
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-judge]") || !event.submitter) return;
    event.preventDefault();
    const { target: form, submitter } = event;
    busy = busy.then(() => judge(form, submitter.value)); // one after the other: of two answers the second holds
  });
}

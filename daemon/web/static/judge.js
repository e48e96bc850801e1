// "Was this right?": the forms work without a script; with one the page stays where it is.
import { word } from "./words.js";

function whoCookie() {
  const found = document.cookie.split("; ").find((part) => part.startsWith("aurorad_who="));
  return found ? decodeURIComponent(found.slice("aurorad_who=".length)) : "";
}

const WORDS = { aurora: "right", none: "wrong", obscured: "cantTell" };

export async function send(address, body) {
  const reply = await fetch(address, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await reply.json().catch(() => ({ error: `the server answered ${reply.status}` }));
  if (!reply.ok) throw new Error(answer.error || `the server answered ${reply.status}`);
  return answer;
}

async function judge(form, label) {
  const question = form.querySelector(".question");
  const who = whoCookie();
  const body = { event_id: form.elements.event_id.value, label, ...(who ? { who } : {}) };
  question.setAttribute("role", "status");
  try {
    await send(form.getAttribute("action"), body);
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

export function judgeForms() {
  if (listening) return;
  listening = true;
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-judge]") || !event.submitter) return;
    event.preventDefault();
    judge(event.target, event.submitter.value);
  });
}

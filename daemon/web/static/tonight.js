// The open page follows the watch: it asks for its moving parts and exchanges those that changed.
import { refreshed, setWatchClock, watchNow } from "./common.js";

const main = document.getElementById("main");
const POLL_MS = Math.min(10000, Math.max(1000, (Number(main.dataset.cadence) * 250) / Number(main.dataset.rate)));
const HIDDEN_POLL_MS = 60000; // a page nobody looks at asks rarely
const PATIENCE_MS = 4 * POLL_MS + 5000; // without an answer for so long, the page reports it

let etag = "";
let lastAnswer = performance.now();
let timer = 0;
const shown = new Map();

for (const part of main.querySelectorAll("[data-live]")) shown.set(part.dataset.live, part.innerHTML);

async function exchange(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const sky = fresh.querySelector('[data-live="sky"] img');
  if (sky) await loaded(sky.getAttribute("srcset"), sky.getAttribute("sizes"), sky.getAttribute("src"));
  for (const part of fresh.querySelectorAll("[data-live]")) {
    const name = part.dataset.live;
    const here = main.querySelector(`[data-live="${name}"]`);
    if (!here) continue;
    for (const { name: key, value } of part.attributes) here.setAttribute(key, value);
    if (shown.get(name) === part.innerHTML) continue;
    if (name === "events" && here.contains(document.activeElement)) continue; // somebody is answering
    shown.set(name, part.innerHTML);
    const open = here.querySelector("details")?.open;
    const focused = focusPath(here);
    here.replaceChildren(...part.childNodes);
    const details = here.querySelector("details");
    if (details && open) details.open = true;
    if (focused) here.querySelector(focused)?.focus();
  }
  setTitle();
  refreshed();
}

function focusPath(part) {
  const focused = document.activeElement;
  if (!part.contains(focused)) return "";
  return focused.matches("summary") ? "summary" : focused.matches("[data-outline-toggle]") ? "[data-outline-toggle]" : "";
}

// A tab is read by its title alone: it must not go on claiming what the page no longer knows.
function setTitle(trouble = "") {
  const whole = main.querySelector("[data-live='verdict']").dataset.title;
  const place = whole.split(" · ").slice(-2).join(" · ");
  const title = trouble ? `${trouble} · ${place}` : whole;
  if (document.title !== title) document.title = title;
}

// The next picture is fetched before it is put up, so that nothing flickers.
function loaded(srcset, sizes, src) {
  const image = new Image();
  image.sizes = sizes;
  image.srcset = srcset;
  image.src = src;
  return Promise.race([image.decode().catch(() => {}), new Promise((done) => setTimeout(done, 3000))]);
}

async function ask() {
  clearTimeout(timer);
  try {
    const reply = await fetch(main.dataset.liveUrl, { headers: etag ? { "if-none-match": etag } : {}, cache: "no-store" });
    if (reply.ok || reply.status === 304) {
      lastAnswer = performance.now();
      const now = Number(reply.headers.get("aurorad-now"));
      if (now) setWatchClock(now);
    }
    if (reply.ok) {
      etag = reply.headers.get("etag") || "";
      await exchange(await reply.text());
    }
  } catch {
    // The next round tries again; what is missing is said below.
  }
  judgeAge();
  timer = setTimeout(ask, document.hidden ? HIDDEN_POLL_MS : POLL_MS);
}

// The page's own judgement, needing no server: too old, or no answer.
function judgeAge() {
  const due = Number(main.querySelector('[data-live="sky"]').dataset.due || 0);
  const late = due > 0 && watchNow() > due;
  const alone = performance.now() - lastAnswer > PATIENCE_MS && !document.hidden;
  for (const age of main.querySelectorAll(".age")) age.classList.toggle("late", late || alone);
  if (late || alone) main.querySelector(".sky").classList.add("old");
  const banners = main.querySelector('[data-live="banner"]');
  let own = banners.querySelector("[data-own]");
  const text = alone ? "No connection to the watch." : late && !banners.querySelector(".stale:not([data-own])") ? "No new picture has come in time." : "";
  setTitle(alone ? "No connection" : late ? "No new picture" : "");
  if (!text) {
    own?.remove();
    return;
  }
  if (!own) {
    own = document.createElement("p");
    own.className = "banner stale";
    own.dataset.own = "";
    banners.append(own);
  }
  if (own.dataset.own !== text) {
    own.dataset.own = text;
    const strong = document.createElement("strong");
    strong.textContent = text;
    own.replaceChildren(strong, " What you see is old.");
  }
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) ask();
});
window.addEventListener("online", ask);
setInterval(judgeAge, 250);
timer = setTimeout(ask, POLL_MS);

// A touch on the strip leads to that instant of the night.
document.addEventListener("click", (event) => {
  const timeline = event.target.closest("[data-timeline][data-href]");
  if (!timeline) return;
  const box = timeline.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  const at = Number(timeline.dataset.start) + share * (timeline.dataset.end - timeline.dataset.start);
  location.href = `${timeline.dataset.href}&at=${new Date(at * 1000).toISOString().slice(0, 19)}Z`;
});

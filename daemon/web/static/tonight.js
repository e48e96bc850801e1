// The open page follows the watch: it asks for its moving parts and exchanges those that changed.
import { moment, passed, refreshed, setWatchClock, share, watchNow } from "./common.js";
import { instantUnder, moveCursor, peeking } from "./chart.js";
import { loadReel } from "./reel.js";
import { root, word } from "./words.js";

const main = document.getElementById("main");
const RATE = Number(main.dataset.rate);
const POLL_MS = Math.min(10000, Math.max(1000, (Number(main.dataset.cadence) * 250) / RATE));
const ASKING_S = RATE > 1 ? (RATE * (POLL_MS + 1500)) / 1000 : 0; // where the watch's clock runs fast, asking alone takes minutes of it
const HIDDEN_POLL_MS = 60000; // a page nobody looks at asks rarely
const PATIENCE_MS = 4 * POLL_MS + 5000; // without an answer for so long, the page reports it

let etag = "";
let lastAnswer = moment();
let timer = 0;
const shown = new Map();

for (const part of main.querySelectorAll("[data-live]")) shown.set(part.dataset.live, part.innerHTML);
if (matchMedia("(min-width: 56rem)").matches) main.querySelector(".trust")?.setAttribute("open", "");

// A button that is exchanged between press and release takes no click: what is pressed stays until it is let go.
let released = Promise.resolve();
let letGo = () => {};
document.addEventListener("pointerdown", () => {
  released = new Promise((done) => (letGo = done));
});
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(letGo, 50)); // a tap's click comes after

const atMost = (ms, wait) => Promise.race([wait, new Promise((done) => setTimeout(done, ms))]);

async function exchange(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const sky = fresh.querySelector('[data-live="sky"] img');
  if (sky) await loaded(sky.getAttribute("srcset"), sky.getAttribute("sizes"), sky.getAttribute("src"));
  await atMost(10000, released);
  for (const part of fresh.querySelectorAll("[data-live]")) {
    const name = part.dataset.live;
    const here = main.querySelector(`[data-live="${name}"]`);
    if (!here) continue;
    for (const { name: key, value } of part.attributes) here.setAttribute(key, value);
    if (shown.get(name) === part.innerHTML) continue;
    if (name === "events" && here.contains(document.activeElement)) continue; // somebody is answering
    if (held(name)) continue; // somebody is going through the night
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
  if (focused.matches("summary")) return "summary";
  if (focused.matches("[data-layer]")) return `[data-layer="${focused.dataset.layer}"]`;
  return focused.matches("[data-expand]") ? "[data-expand]" : "";
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
  return atMost(3000, image.decode().catch(() => {}));
}

async function ask() {
  clearTimeout(timer);
  try {
    const reply = await fetch(main.dataset.liveUrl, { headers: etag ? { "if-none-match": etag } : {}, cache: "no-store" });
    if (reply.ok || reply.status === 304) {
      lastAnswer = moment();
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
  const late = due > 0 && watchNow() > due + ASKING_S;
  const alone = passed(lastAnswer) > PATIENCE_MS && !document.hidden;
  for (const age of main.querySelectorAll(".age")) age.classList.toggle("late", late || alone);
  withdraw(late || alone, alone ? word("alone") : word("late"));
  const banners = main.querySelector('[data-live="banner"]');
  let own = banners.querySelector("[data-own]");
  const text = alone ? word("alone") : late && !banners.querySelector(".stale:not([data-own])") ? word("late") : "";
  setTitle(alone ? word("aloneTitle") : late ? word("lateTitle") : "");
  if (!text) {
    own?.remove();
    return;
  }
  if (!own) {
    own = document.createElement("p");
    own.className = "banner stale";
    own.dataset.own = own.dataset.doubled = "";
    banners.append(own);
  }
  if (own.dataset.own !== text) {
    own.dataset.own = text;
    const strong = document.createElement("strong");
    strong.textContent = text;
    own.replaceChildren(strong, ` ${word("old")}`);
  }
}

// What the page cannot vouch for any more is taken back, as often as it is said; once all is well it is asked for anew.
function withdraw(old, why) {
  const was = main.classList.contains("out-of-date");
  main.classList.toggle("out-of-date", old);
  if (old) takeBack(why);
  else if (was) {
    shown.clear();
    etag = "";
    ask();
  }
}

function takeBack(why) {
  main.querySelector(".dot").className = "dot is-stale";
  const present = main.querySelector(".place [data-present]");
  if (present) {
    present.removeAttribute("data-present");
    present.textContent = word("notLive");
  }
  for (const frame of main.querySelectorAll(".sky .dome, .horizon .round")) markOld(frame);
  const card = main.querySelector(".card");
  if (!card.classList.contains("is-no-picture")) {
    card.className = "card is-no-picture";
    card.dataset.own = "";
    card.querySelector("use").setAttribute("href", "#card-no-picture");
    card.querySelector("h1").textContent = word("noPictureTitle");
    card.querySelector(".next-step")?.remove();
  }
  const sentence = `${why} ${word("old")}`;
  if ("own" in card.dataset && card.dataset.own !== sentence) {
    card.dataset.own = sentence;
    card.querySelector(".sentence").textContent = sentence;
  }
}

function markOld(frame) {
  frame.parentElement.classList.add("old");
  if (!frame.querySelector("img") || frame.querySelector(".old-mark")) return;
  const mark = document.createElement("p");
  mark.className = "old-mark";
  mark.textContent = word("oldPicture");
  frame.insertBefore(mark, frame.querySelector(".expand"));
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) ask();
});
window.addEventListener("online", ask);
setInterval(judgeAge, 250);
timer = setTimeout(ask, POLL_MS);

// ---------------------------------------------------------------- going through the night in place

const PLAY_STEP_MS = 110;
const HOUR_S = 3600;
const dock = main.querySelector("[data-reel]");
const hour = main.querySelector("[data-play-hour]");
let reel = null;
let away = false; // the dome shows another frame than the newest
let playing = 0;
let fetching = false;

const held = (name) => away && ["sky", "strip", "horizon"].includes(name);
const timelines = () => [...main.querySelectorAll("[data-timeline]")];

// The night's frames, fetched when they are first wanted and again when there are newer ones.
async function reelOf() {
  const [timeline] = timelines();
  const newest = main.querySelector(".sky").dataset.shows;
  if (reel && (away || reel.newest === newest)) return reel;
  reel = await loadReel(timeline.dataset.camera, timeline.dataset.night, main.querySelector(".dome"));
  if (reel) reel.newest = newest;
  return reel;
}

function showFrame(index) {
  away = true;
  reel.show(index);
  dock.hidden = false;
  dock.querySelector("[data-reel-words]").textContent = reel.words(reel.index);
  moveCursor(timelines(), reel.seconds[reel.index]);
  clearTimeout(showFrame.rest);
  showFrame.rest = setTimeout(() => reel?.picture(reel.index), 150);
}

function backToNow() {
  stopPlaying();
  away = false;
  reel?.stop();
  dock.hidden = true;
  for (const timeline of timelines()) timeline.querySelector("[data-cursor]").setAttribute("visibility", "hidden");
  reel = null;
  for (const name of ["sky", "strip", "horizon"]) shown.delete(name);
  etag = "";
  ask();
}

function stopPlaying() {
  clearInterval(playing);
  playing = 0;
  if (hour) hour.textContent = word("playHour");
}

async function playHour() {
  if (playing) return backToNow();
  if (fetching) return undefined; // pressed again while the frames are on their way
  fetching = true;
  const there = await reelOf().finally(() => (fetching = false));
  if (!there) return undefined;
  const last = reel.count - 1;
  let index = reel.nearest(reel.seconds[last] - HOUR_S);
  for (let sheet = reel.sheetNumber(index); sheet <= reel.sheetNumber(last); sheet += 1) reel.sheet(sheet);
  hour.textContent = word("stop");
  playing = setInterval(() => {
    if (index > last) return backToNow();
    reel.picture(index + 4);
    showFrame(index);
    index += 1;
    return undefined;
  }, PLAY_STEP_MS);
  return undefined;
}

// A finger or a pressed mouse on the chart goes through the night in the dome above; lifting it leaves the frame there.
let scrubbing = 0;
main.addEventListener("pointerdown", async (event) => {
  const timeline = event.target.closest("[data-timeline]");
  if (!timeline || event.button) return;
  stopPlaying();
  scrubbing = event.pointerId + 1;
  const seconds = instantUnder(timeline, event);
  if (await reelOf()) showFrame(reel.nearest(seconds));
});
main.addEventListener("pointermove", (event) => {
  const timeline = event.target.closest("[data-timeline]");
  if (timeline && reel && scrubbing === event.pointerId + 1) showFrame(reel.nearest(instantUnder(timeline, event)));
});
for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, () => { scrubbing = 0; });
peeking(main, reelOf);

main.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("backToNow" in button.dataset) backToNow();
  else if ("playHour" in button.dataset) playHour();
  else if ("share" in button.dataset) {
    const frame = away ? `${timelines()[0].dataset.href}&at=${reel.frames.observed_at[reel.index]}` : button.dataset.share;
    share(frame, main.querySelector("[data-shared]"));
  } else if ("kiosk" in button.dataset) kiosk(true);
});

// ---------------------------------------------------------------- kiosk: the sky and the verdict, nothing else

async function kiosk(on) {
  root.classList.toggle("kiosk", on);
  try {
    if (on && !document.fullscreenElement) await root.requestFullscreen();
    if (on) await navigator.wakeLock?.request("screen");
  } catch {
    // A browser that refuses shows the same without filling the screen.
  }
}

document.addEventListener("fullscreenchange", () => {
  if (!document.fullscreenElement) kiosk(new URLSearchParams(location.search).has("kiosk"));
});

// What every page does: words, addresses, theme, language, zone, layers, the picture's age, "was this right?".
import { judgeForms } from "./judge.js";
import { at, getCookie, root, word } from "./words.js";

export { at, getCookie, root, word };
const THEME_COLOURS = { dark: "#0a0e14", red: "#000000", light: "#f6f7f4" };

export function setCookie(name, value) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=31536000; samesite=lax${secure}`;
}

function chooseTheme(theme) {
  root.dataset.theme = theme;
  setCookie("aurorad_theme", theme);
  document.querySelector('meta[name="theme-color"]').content = THEME_COLOURS[theme];
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
  }
}

// How many ms have passed since a moment. The browser's steady clock stops while the device sleeps, its wall clock may be
// set: whichever has gone further counts, so that a picture is at worst taken for older than it is.
export const moment = () => ({ steady: performance.now(), wall: Date.now() });
export const passed = (since) => Math.max(performance.now() - since.steady, Date.now() - since.wall);

// The watch's own clock: told by the server, carried on by the browser's. A demonstration's clock runs faster than real time.
const main = document.getElementById("main");
const clock = { at: Number(main.dataset.now || Date.now() / 1000), seen: moment(), rate: Number(main.dataset.rate || 1) };

export function watchNow() {
  return clock.at + (passed(clock.seen) / 1000) * clock.rate;
}

export function setWatchClock(seconds) {
  clock.at = seconds;
  clock.seen = moment();
}

export function lasting(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 100) return word("seconds", { n: whole });
  const minutes = Math.round(whole / 60);
  if (minutes < 100) return word("minutes", { n: minutes });
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return word("hours", { hours, minutes: String(minutes % 60).padStart(2, "0") });
  return word("days", { n: Math.round(hours / 24) });
}

function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

export function tickAges() {
  for (const age of document.querySelectorAll("[data-age-of]")) {
    write(age, word("ago", { time: lasting(watchNow() - Date.parse(age.dataset.ageOf) / 1000) }));
  }
  for (const until of document.querySelectorAll("[data-until]")) {
    const left = Number(until.dataset.until) - watchNow();
    write(until, left > 0 ? word("in", { time: lasting(left) }) : word("now"));
    until.parentElement.hidden = false; // "Dark enough" alone, without this script, would be wrong by day
  }
}

// Layers over the picture and curves over the night; what is chosen is kept. Off at first: the stars, the probability.
const LAYERS = ["compass", "stars", "moon", "mask", "evidence", "sure"];
const OFF_AT_FIRST = ["stars", "sure"];

function layers() {
  const kept = Object.fromEntries(getCookie("aurorad_layers").split(".").filter(Boolean).map((part) => [part.slice(1), part[0] === "+"]));
  return (name) => kept[name] ?? !OFF_AT_FIRST.includes(name);
}

export function applyLayers() {
  const on = layers();
  for (const name of LAYERS) {
    root.classList.toggle(name === "compass" ? "no-compass-layer" : `no-${name}`, !on(name));
  }
  for (const button of document.querySelectorAll("[data-layer]")) button.setAttribute("aria-pressed", String(on(button.dataset.layer)));
}

function toggleLayer(name) {
  const on = layers();
  setCookie("aurorad_layers", LAYERS.map((each) => `${(each === name) !== on(each) ? "+" : "-"}${each}`).join("."));
  applyLayers();
}

export async function share(address, note) {
  const whole = new URL(address, location.href).href;
  try {
    if (navigator.share && matchMedia("(pointer: coarse)").matches) await navigator.share({ title: document.title, url: whole });
    else {
      await navigator.clipboard.writeText(whole);
      note.textContent = word("copied");
    }
  } catch (error) {
    if (error.name !== "AbortError") note.textContent = whole; // no clipboard without TLS: there to be copied by hand
  }
}

document.addEventListener("click", async (event) => {
  const theme = event.target.closest("[data-theme-choice]");
  if (theme) chooseTheme(theme.dataset.themeChoice);
  const layer = event.target.closest("[data-layer]");
  if (layer) toggleLayer(layer.dataset.layer);
  const full = event.target.closest("[data-expand]");
  if (full) (await import("./viewer.js")).open(full.closest(".dome"));
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-language]")) setCookie("aurorad_language", event.target.value);
  else if (event.target.matches("[data-zone]")) {
    setCookie("aurorad_zone", event.target.value ? Intl.DateTimeFormat().resolvedOptions().timeZone : "");
  } else return;
  location.reload();
});

export function refreshed() {
  applyLayers();
  tickAges();
}

refreshed();
judgeForms();
setInterval(tickAges, 500);

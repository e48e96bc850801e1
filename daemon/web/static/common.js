// What every page does: the theme, the age of the picture, the outline, "was this right?".
import { judgeForms } from "./judge.js";

export const root = document.documentElement;
const THEME_COLOURS = { dark: "#0a0e14", red: "#000000", light: "#f6f7f4" };

export function setCookie(name, value) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=31536000; samesite=lax${secure}`;
}

export function getCookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

function chooseTheme(theme) {
  root.dataset.theme = theme;
  setCookie("aurorad_theme", theme);
  document.querySelector('meta[name="theme-color"]').content = THEME_COLOURS[theme];
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
  }
}

// The watch's own clock: told by the server, carried on by the browser's steady one. A demonstration's
// clock runs faster than real time.
const main = document.getElementById("main");
const clock = { at: Number(main.dataset.now || Date.now() / 1000), seen: performance.now(), rate: Number(main.dataset.rate || 1) };

export function watchNow() {
  return clock.at + ((performance.now() - clock.seen) / 1000) * clock.rate;
}

export function setWatchClock(seconds) {
  clock.at = seconds;
  clock.seen = performance.now();
}

export function lasting(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 100) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.round(hours / 24)} days`;
}

export function tickAges() {
  for (const age of document.querySelectorAll("[data-age-of]")) {
    const text = `${lasting(watchNow() - Date.parse(age.dataset.ageOf) / 1000)} ago`;
    if (age.textContent !== text) age.textContent = text;
  }
}

function applyOutline() {
  const on = getCookie("aurorad_outline") !== "off";
  root.classList.toggle("no-outline", !on);
  for (const button of document.querySelectorAll("[data-outline-toggle]")) {
    button.setAttribute("aria-pressed", String(on));
  }
}

document.addEventListener("click", (event) => {
  const theme = event.target.closest("[data-theme-choice]");
  if (theme) chooseTheme(theme.dataset.themeChoice);
  if (event.target.closest("[data-outline-toggle]")) {
    setCookie("aurorad_outline", root.classList.contains("no-outline") ? "on" : "off");
    applyOutline();
  }
});

export function refreshed() {
  applyOutline();
  tickAges();
}

refreshed();
judgeForms();
setInterval(tickAges, 500);

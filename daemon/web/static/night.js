// Going through a night: every step shows a thumbnail at once (from sheets loaded ahead), then the
// full picture. Keys: ← → a frame, Page keys ten, Home End, N P next and previous aurora, space plays.

import { share } from "./common.js";
import { instantUnder, moveCursor, peeking } from "./chart.js";
import { loadReel } from "./reel.js";
import { at as address, word } from "./words.js";

const page = document.querySelector("[data-scrub]");
const range = page.querySelector("[data-range]");
if (range) start();

async function start() {
  const { night, camera } = page.dataset;
  const dome = page.querySelector(".dome");
  const timelines = [...document.querySelectorAll("[data-timeline]")];
  const reel = await loadReel(camera, night, dome);
  if (!reel) {
    page.querySelector("[data-shared]").textContent = word("notLoaded");
    return;
  }
  const { frames, count, seconds } = reel;
  const details = new Map();
  let index = Number(range.value);
  let settle = 0;
  let playing = 0;

  function write(name, text) {
    const place = page.querySelector(`[data-${name}]`);
    if (place && place.textContent !== text) place.textContent = text;
  }

  function show(to) {
    index = Math.min(count - 1, Math.max(0, to));
    range.value = index;
    reel.show(index);
    write("headline", frames.headline[index]);
    write("detail", frames.detail[index]);
    write("probability", frames.certainty[index]);
    write("threshold", frames.needed[index]);
    write("position", word("of", { n: index + 1, all: count }));
    page.querySelector("[data-verdict]").className = `verdict is-${frames.kind[index]}`;
    range.setAttribute("aria-valuetext", `${frames.clock[index]}, ${frames.headline[index]} ${frames.detail[index]}`);
    moveCursor(timelines, seconds[index]);
    outline("");
    // Until this frame's own numbers are here there are none: those of the frame before are not its.
    for (const value of page.querySelectorAll("[data-numbers] dd")) value.textContent = "–";
    clearTimeout(settle);
    settle = setTimeout(rest, 120);
  }

  function outline(path) {
    for (const line of dome.querySelectorAll(".outline path")) line.setAttribute("d", path);
  }

  // Once the cursor rests: the full picture, its neighbours, the outline, the numbers, the address.
  async function rest() {
    const at = index;
    reel.picture(at);
    for (const near of [1, 2, 3, -1, -2]) reel.picture(at + near);
    const here = reel.sheetNumber(at);
    for (const near of [here, here + 1, here - 1]) reel.sheet(near);
    history.replaceState(null, "", link(at));
    if (!details.has(at)) {
      const its = address(`/api/observations/${encodeURIComponent(camera)}/${frames.observed_at[at]}`);
      const whole = await fetch(its).catch(() => null); // gone for the moment: the next rest asks again
      if (!whole?.ok) return;
      details.set(at, await whole.json());
    }
    if (at !== index) return;
    outline(frames.verdict[at] === "aurora" ? details.get(at).outline : ""); // elsewhere it points at nothing
    const list = page.querySelector("[data-numbers] dl");
    list.replaceChildren(...details.get(at).facts.map(([name, value]) => {
      const row = document.createElement("div");
      row.append(Object.assign(document.createElement("dt"), { textContent: name }));
      row.append(Object.assign(document.createElement("dd"), { textContent: value }));
      return row;
    }));
  }

  const link = (at) => address(`/night/${night}?camera=${encodeURIComponent(camera)}&at=${frames.observed_at[at]}`);

  // The next frame at which aurora begins, in either direction.
  function aurora(direction) {
    for (let at = index + direction; at >= 0 && at < count; at += direction) {
      if (frames.verdict[at] === "aurora" && frames.verdict[at - 1] !== "aurora") return at;
    }
    return index;
  }

  function play(on) {
    clearInterval(playing);
    playing = on ? setInterval(() => (index >= count - 1 ? play(false) : (show(index + 1), reel.sheet(reel.sheetNumber(index) + 1))), 100) : 0;
    const button = page.querySelector("[data-play]");
    button.setAttribute("aria-pressed", String(on));
    button.textContent = word(on ? "pause" : "play");
  }

  const STEPS = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const field = event.target.closest("input:not([type=range]), select, textarea, summary");
    const inButton = event.target.closest("button, a");
    if (field) return;
    const key = event.key;
    if ((key === "ArrowUp" || key === "ArrowDown" || key.startsWith("Page") || key === "Home" || key === "End") && event.target !== range) return; // they scroll the page
    if (STEPS[key]) show(index + STEPS[key] * (event.shiftKey ? 10 : 1));
    else if (key === "Home") show(0);
    else if (key === "End") show(count - 1);
    else if (key === "n") show(aurora(1));
    else if (key === "p") show(aurora(-1));
    else if (key === " " && !inButton) play(!playing);
    else return;
    event.preventDefault();
  });
  range.addEventListener("input", () => show(Number(range.value)));
  page.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.step) show(index + Number(button.dataset.step));
    if (button?.dataset.aurora) show(aurora(Number(button.dataset.aurora)));
    if (button && "play" in button.dataset) play(!playing);
    if (button && "share" in button.dataset) share(link(index), page.querySelector("[data-shared]"));
  });
  for (const timeline of timelines) {
    timeline.classList.add("scrubbable");
    const follow = (event) => show(reel.nearest(instantUnder(timeline, event)));
    timeline.addEventListener("pointerdown", (event) => {
      timeline.setPointerCapture(event.pointerId);
      follow(event);
    });
    timeline.addEventListener("pointermove", (event) => {
      if (timeline.hasPointerCapture(event.pointerId)) follow(event);
    });
  }

  peeking(document.querySelector("section.night"), async () => reel);

  show(index);
  // All thumbnails in the end, those near the cursor first, one sheet at a time.
  const order = [...Array(reel.sheetNumber(count - 1) + 1).keys()];
  const here = reel.sheetNumber(index);
  order.sort((a, b) => Math.abs(a - here) - Math.abs(b - here));
  for (const each of order) await reel.sheet(each).decode().catch(() => {});
  page.dataset.ready = "true";
}

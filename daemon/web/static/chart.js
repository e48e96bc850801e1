// The night's chart under a finger or a mouse: the instant, a cursor on every chart, a small picture beside it.
import { word } from "./words.js";

export function instantUnder(timeline, event) {
  const box = timeline.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  return Number(timeline.dataset.start) + share * (timeline.dataset.end - timeline.dataset.start);
}

export function moveCursor(timelines, seconds) {
  for (const timeline of timelines) {
    const { start, end } = timeline.dataset;
    const percent = (100 * (seconds - start)) / (end - start);
    const line = timeline.querySelector("[data-cursor]");
    line.setAttribute("x1", `${percent}%`);
    line.setAttribute("x2", `${percent}%`);
    line.setAttribute("visibility", "visible");
  }
}

// What a mouse over the chart is shown: a thumbnail and the frame's figures. Touch scrubs the dome itself.
export function peeking(host, reelOf) {
  let box = null;
  host.addEventListener("pointermove", async (event) => {
    const timeline = event.target.closest("[data-timeline]");
    if (!timeline || event.pointerType === "touch") return;
    const reel = await reelOf();
    if (!reel || !timeline.isConnected) return;
    const index = reel.nearest(instantUnder(timeline, event));
    if (!box?.isConnected || box.parentElement !== timeline) {
      box?.remove();
      box = document.createElement("div");
      box.className = "peek";
      box.setAttribute("aria-hidden", "true");
      box.append(Object.assign(document.createElement("canvas"), { width: 96, height: 96 }), document.createElement("span"));
      timeline.append(box);
    }
    const edge = timeline.getBoundingClientRect();
    box.style.left = `${Math.min(edge.width - 80, Math.max(80, event.clientX - edge.left))}px`;
    const canvas = box.querySelector("canvas");
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, 96, 96);
    if (reel.frames.picture[index]) reel.thumbnail(pen, canvas, index);
    const { clock, headline, strength, certainty } = reel.frames;
    const figures = [clock[index], headline[index]];
    if (strength[index] !== null) figures.push(word("strength", { n: strength[index] }));
    if (certainty[index] !== "–") figures.push(word("probability", { percent: certainty[index] }));
    box.querySelector("span").textContent = figures.join(" · ");
  });
  host.addEventListener("pointerout", (event) => {
    if (!event.relatedTarget?.closest?.("[data-timeline]")) box?.remove();
  });
}

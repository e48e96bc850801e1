// The sky in full screen: pinch, wheel or + and − zoom, drag or arrow keys move, Escape closes.
import { word } from "./words.js";

const MOST = 8;

export function open(dome) {
  const dialog = document.createElement("dialog");
  dialog.className = "viewer";
  dialog.setAttribute("aria-label", word("fullScreen"));
  const image = new Image();
  const there = dome.querySelector("img");
  const gone = dome.classList.contains("scrubbing"); // through the night: the dome shows another frame than at first
  const taken = dome.parentElement.querySelector("[data-caption]").textContent;
  image.alt = gone ? word("wholeSky", { where: taken }) : there.alt;
  image.src = gone ? dome.dataset.full : there.currentSrc;
  image.draggable = false;
  const whole = new Image();
  whole.onload = () => { image.src = whole.src; };
  whole.src = dome.dataset.full;
  const tools = document.createElement("div");
  tools.className = "tools";
  let scale = 1;
  let x = 0;
  let y = 0;

  function place() {
    const room = (image.clientWidth * (scale - 1)) / 2 + 40;
    x = Math.min(room, Math.max(-room, x));
    y = Math.min(room, Math.max(-room, y));
    image.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
  }

  function zoom(factor, at = { x: innerWidth / 2, y: innerHeight / 2 }) {
    const before = scale;
    scale = Math.min(MOST, Math.max(1, scale * factor));
    const off = { x: at.x - innerWidth / 2, y: at.y - innerHeight / 2 };
    x = off.x - ((off.x - x) * scale) / before;
    y = off.y - ((off.y - y) * scale) / before;
    if (scale === 1) x = y = 0;
    place();
  }

  for (const [text, name, act] of [["+", "zoomIn", () => zoom(1.6)], ["−", "zoomOut", () => zoom(1 / 1.6)], ["×", "close", () => dialog.close()]]) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    button.setAttribute("aria-label", word(name));
    button.addEventListener("click", act);
    tools.append(button);
  }
  const touches = new Map();
  image.addEventListener("pointerdown", (event) => {
    image.setPointerCapture(event.pointerId);
    touches.set(event.pointerId, event);
  });
  image.addEventListener("pointermove", (event) => {
    const last = touches.get(event.pointerId);
    if (!last) return;
    const other = [...touches.values()].find((each) => each.pointerId !== event.pointerId);
    if (other) {
      const apart = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY) || 1;
      zoom(apart(event) / apart(last), { x: (event.clientX + other.clientX) / 2, y: (event.clientY + other.clientY) / 2 });
    } else {
      x += event.clientX - last.clientX;
      y += event.clientY - last.clientY;
      place();
    }
    touches.set(event.pointerId, event);
  });
  for (const end of ["pointerup", "pointercancel"]) image.addEventListener(end, (event) => touches.delete(event.pointerId));
  image.addEventListener("dblclick", (event) => zoom(scale > 1 ? 1 / MOST : 2.5, { x: event.clientX, y: event.clientY }));
  dialog.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, { x: event.clientX, y: event.clientY });
  }, { passive: false });
  dialog.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
    if (event.key === "+" || event.key === "=") zoom(1.6);
    else if (event.key === "-") zoom(1 / 1.6);
    else if (moves[event.key]) {
      x += moves[event.key][0];
      y += moves[event.key][1];
      place();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  dialog.addEventListener("close", () => dialog.remove());
  dialog.append(tools, image);
  const mark = dome.querySelector(".old-mark"); // large, an old picture is as old
  if (mark) dialog.append(mark.cloneNode(true));
  else if (gone) dialog.append(Object.assign(document.createElement("p"), { className: "old-mark history-mark", textContent: taken }));
  document.body.append(dialog);
  dialog.showModal();
}

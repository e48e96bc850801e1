// Going through a night: every step shows a thumbnail at once (from sheets loaded ahead), then the
// full picture. Keys: ← → a frame, Page keys ten, Home End, N P next and previous aurora, space plays.

const page = document.querySelector("[data-scrub]");
const range = page.querySelector("[data-range]");
if (range) start();

async function start() {
  const { night, camera } = page.dataset;
  const dome = page.querySelector(".dome");
  const canvas = dome.querySelector("canvas");
  const pen = canvas.getContext("2d");
  const timelines = [...document.querySelectorAll("[data-timeline]")];
  const reply = await fetch(`/api/nights/${night}?camera=${encodeURIComponent(camera)}`).catch(() => null);
  if (!reply?.ok) {
    page.querySelector("[data-shared]").textContent = "The frames could not be loaded; load the page again.";
    return;
  }
  const frames = await reply.json();
  const count = frames.observed_at.length;
  const seconds = frames.observed_at.map((text) => Date.parse(text) / 1000);
  const version = `${count}-${seconds[count - 1]}`;
  const sheets = new Map();
  const pictures = new Map();
  const details = new Map();
  let index = Number(range.value);
  let settle = 0;
  let playing = 0;

  function sheet(number) {
    if (number < 0 || number * frames.sheet.frames >= count) return null;
    if (!sheets.has(number)) {
      const image = new Image();
      image.onload = () => { if (!complete(index) && Math.floor(index / frames.sheet.frames) === number) draw(); };
      image.src = `/sheets/${encodeURIComponent(camera)}/${night}/${number}.jpg?v=${version}`;
      sheets.set(number, image);
    }
    return sheets.get(number);
  }

  function picture(at) {
    if (at < 0 || at >= count || !frames.picture[at]) return null;
    if (!pictures.has(at)) {
      const image = new Image();
      image.onload = () => { if (at === index) draw(); };
      image.src = `${frames.picture[at]}?w=480`;
      pictures.set(at, image);
      if (pictures.size > 120) pictures.delete(pictures.keys().next().value);
    }
    return pictures.get(at);
  }

  const complete = (at) => { const image = pictures.get(at); return image?.complete && image.naturalWidth > 0; };

  function draw() {
    dome.classList.add("scrubbing");
    if (!frames.picture[index]) {
      pen.fillStyle = "#000";
      pen.fillRect(0, 0, canvas.width, canvas.height);
      canvas.dataset.drawn = `${index} none`;
      return;
    }
    if (complete(index)) {
      pen.drawImage(pictures.get(index), 0, 0, canvas.width, canvas.height);
      canvas.dataset.drawn = `${index} full`;
      return;
    }
    const { frames: perSheet, columns, side } = frames.sheet;
    const image = sheet(Math.floor(index / perSheet));
    if (!image?.complete || !image.naturalWidth) return;
    const place = index % perSheet;
    pen.drawImage(image, (place % columns) * side, Math.floor(place / columns) * side, side, side, 0, 0, canvas.width, canvas.height);
    canvas.dataset.drawn = `${index} thumbnail`;
  }

  function write(name, text) {
    const place = page.querySelector(`[data-${name}]`);
    if (place && place.textContent !== text) place.textContent = text;
  }

  function show(to) {
    index = Math.min(count - 1, Math.max(0, to));
    range.value = index;
    draw();
    write("headline", frames.headline[index]);
    write("detail", frames.detail[index]);
    write("probability", frames.certainty[index]);
    write("threshold", frames.needed[index]);
    write("position", `${index + 1} of ${count}`);
    write("caption", frames.clock[index]);
    page.querySelector("[data-verdict]").className = `verdict is-${frames.kind[index]}`;
    range.setAttribute("aria-valuetext", `${frames.clock[index]}, ${frames.headline[index]} ${frames.detail[index]}`);
    for (const timeline of timelines) {
      const { start: from, end } = timeline.dataset;
      const percent = (100 * (seconds[index] - from)) / (end - from);
      const line = timeline.querySelector("[data-cursor]");
      line.setAttribute("x1", `${percent}%`);
      line.setAttribute("x2", `${percent}%`);
      line.setAttribute("visibility", "visible");
    }
    outline("");
    clearTimeout(settle);
    settle = setTimeout(rest, 120);
  }

  function outline(path) {
    for (const line of dome.querySelectorAll(".outline path")) line.setAttribute("d", path);
  }

  // Once the cursor rests: the full picture, its neighbours, the outline, the numbers, the address.
  async function rest() {
    const at = index;
    picture(at);
    for (const near of [1, 2, 3, -1, -2]) picture(at + near);
    const here = Math.floor(at / frames.sheet.frames);
    for (const near of [here, here + 1, here - 1]) sheet(near);
    history.replaceState(null, "", link(at));
    if (!details.has(at)) {
      const address = `/api/observations/${encodeURIComponent(camera)}/${frames.observed_at[at]}`;
      const whole = await fetch(address).catch(() => null); // gone for the moment: the next rest asks again
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

  const link = (at) => `/night/${night}?camera=${encodeURIComponent(camera)}&at=${frames.observed_at[at]}`;

  function nearest(at) {
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (seconds[middle] < at) low = middle + 1;
      else high = middle;
    }
    return low > 0 && at - seconds[low - 1] < seconds[low] - at ? low - 1 : low;
  }

  // The next frame at which aurora begins, in either direction.
  function aurora(direction) {
    for (let at = index + direction; at >= 0 && at < count; at += direction) {
      if (frames.verdict[at] === "aurora" && frames.verdict[at - 1] !== "aurora") return at;
    }
    return index;
  }

  function play(on) {
    clearInterval(playing);
    playing = on ? setInterval(() => (index >= count - 1 ? play(false) : (show(index + 1), sheet(Math.floor(index / frames.sheet.frames) + 1))), 100) : 0;
    const button = page.querySelector("[data-play]");
    button.setAttribute("aria-pressed", String(on));
    button.textContent = on ? "Pause" : "Play";
  }

  async function share() {
    const address = new URL(link(index), location.href).href;
    const shared = page.querySelector("[data-shared]");
    try {
      if (navigator.share && matchMedia("(pointer: coarse)").matches) await navigator.share({ url: address });
      else await navigator.clipboard.writeText(address);
      shared.textContent = "Link copied.";
    } catch {
      shared.textContent = address; // no clipboard without TLS: then it is there to be copied by hand
    }
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
    if (button && "share" in button.dataset) share();
  });
  for (const timeline of timelines) {
    timeline.classList.add("scrubbable");
    const follow = (event) => {
      const box = timeline.getBoundingClientRect();
      const { start: from, end } = timeline.dataset;
      show(nearest(Number(from) + ((event.clientX - box.left) / box.width) * (end - from)));
    };
    timeline.addEventListener("pointerdown", (event) => {
      timeline.setPointerCapture(event.pointerId);
      follow(event);
    });
    timeline.addEventListener("pointermove", (event) => {
      if (timeline.hasPointerCapture(event.pointerId)) follow(event);
    });
  }

  show(index);
  // All thumbnails in the end, those near the cursor first, one sheet at a time.
  const order = [...Array(Math.ceil(count / frames.sheet.frames)).keys()];
  const here = Math.floor(index / frames.sheet.frames);
  order.sort((a, b) => Math.abs(a - here) - Math.abs(b - here));
  for (const each of order) {
    const image = sheet(each);
    await image.decode().catch(() => {});
  }
  page.dataset.ready = "true";
}


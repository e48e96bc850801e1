// A night's frames: thumbnails from sheets at once, whole pictures as they come, drawn into a dome's canvas.
import { at } from "./words.js";

export async function loadReel(camera, night, dome) {
  const reply = await fetch(at(`/api/nights/${night}?camera=${encodeURIComponent(camera)}`)).catch(() => null);
  if (!reply?.ok) return null;
  const frames = await reply.json();
  return frames.observed_at.length ? new Reel(camera, night, dome, frames) : null;
}

class Reel {
  constructor(camera, night, dome, frames) {
    Object.assign(this, { camera, night, dome, frames });
    this.count = frames.observed_at.length;
    this.seconds = frames.observed_at.map((text) => Date.parse(text) / 1000);
    this.version = `${this.count}-${this.seconds[this.count - 1]}`;
    this.sheets = new Map();
    this.pictures = new Map();
    this.index = 0;
    this.canvas = dome.querySelector("canvas");
    this.expand = dome.querySelector("[data-expand]");
    this.caption = dome.parentElement.querySelector("[data-caption]");
    this.first = { full: dome.dataset.full, caption: this.caption?.textContent };
    const wide = dome.clientWidth > 500 ? 720 : 480;
    if (this.canvas.width !== wide) this.canvas.width = this.canvas.height = wide;
    this.pen = this.canvas.getContext("2d");
  }

  sheetNumber(index) {
    return Math.floor(index / this.frames.sheet.frames);
  }

  sheet(number) {
    if (number < 0 || number * this.frames.sheet.frames >= this.count) return null;
    if (!this.sheets.has(number)) {
      const image = new Image();
      image.onload = () => { if (!this.complete(this.index) && this.sheetNumber(this.index) === number && this.drawing) this.draw(); };
      image.src = at(`/sheets/${encodeURIComponent(this.camera)}/${this.night}/${number}.jpg?v=${this.version}`);
      this.sheets.set(number, image);
    }
    return this.sheets.get(number);
  }

  picture(index) {
    if (index < 0 || index >= this.count || !this.frames.picture[index]) return null;
    if (!this.pictures.has(index)) {
      const image = new Image();
      image.onload = () => { if (index === this.index && this.drawing) this.draw(); };
      image.src = `${this.frames.picture[index]}?w=${this.canvas.width}`;
      this.pictures.set(index, image);
      if (this.pictures.size > 120) this.pictures.delete(this.pictures.keys().next().value);
    }
    return this.pictures.get(index);
  }

  complete(index) {
    const image = this.pictures.get(index);
    return Boolean(image?.complete && image.naturalWidth > 0);
  }

  show(index) {
    this.index = Math.min(this.count - 1, Math.max(0, index));
    this.drawing = true;
    this.draw();
    this.name(this.frames.picture[this.index] ?? "", this.frames.clock[this.index]);
  }

  // What stands beside the dome, and what full screen opens, are of the frame that it shows.
  name(full, clock) {
    this.dome.dataset.full = full;
    if (this.expand) this.expand.hidden = !full;
    if (this.caption) this.caption.textContent = clock;
  }

  draw() {
    const { pen, canvas, index } = this;
    this.dome.classList.add("scrubbing");
    if (!this.frames.picture[index]) {
      pen.fillStyle = "#000";
      pen.fillRect(0, 0, canvas.width, canvas.height);
      canvas.dataset.drawn = `${index} none`;
      return;
    }
    if (this.complete(index)) {
      pen.drawImage(this.pictures.get(index), 0, 0, canvas.width, canvas.height);
      canvas.dataset.drawn = `${index} full`;
      return;
    }
    if (this.thumbnail(pen, canvas, index)) canvas.dataset.drawn = `${index} thumbnail`;
  }

  // The frame's thumbnail into any canvas; false while its sheet is on the way.
  thumbnail(pen, canvas, index) {
    const { frames: perSheet, columns, side } = this.frames.sheet;
    const image = this.sheet(this.sheetNumber(index));
    if (!image?.complete || !image.naturalWidth) return false;
    const place = index % perSheet;
    pen.drawImage(image, (place % columns) * side, Math.floor(place / columns) * side, side, side, 0, 0, canvas.width, canvas.height);
    return true;
  }

  stop() {
    this.drawing = false;
    this.dome.classList.remove("scrubbing");
    this.name(this.first.full ?? "", this.first.caption);
  }

  nearest(at) {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seconds[middle] < at) low = middle + 1;
      else high = middle;
    }
    return low > 0 && at - this.seconds[low - 1] < this.seconds[low] - at ? low - 1 : low;
  }

  words(index) {
    const { clock, headline, detail } = this.frames;
    return `${clock[index]} · ${headline[index]}${detail[index] ? `: ${detail[index]}` : ""}`;
  }
}

// The page's sentences in the reader's language, and our own addresses under whatever path a proxy serves us.
export const root = document.documentElement;
const words = JSON.parse(document.body.dataset.words);

export function word(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const at = (path) => `${root.dataset.root}${path}`;

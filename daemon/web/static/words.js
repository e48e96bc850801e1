// What all scripts share: sentences in the reader's language, our own addresses, cookies, questions to the server.
export const root = document.documentElement;
const words = JSON.parse(document.body.dataset.words);

export function word(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

// One of our own addresses, under whatever path a proxy serves us.
export const at = (path) => `${root.dataset.root}${path}`;

export function getCookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

// With a body it is sent as JSON. An error carries the server's reason, and its status.
export async function ask(address, body) {
  const posted = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const reply = await fetch(address, body ? posted : {});
  const answer = await reply.json().catch(() => ({}));
  if (reply.ok) return answer;
  throw Object.assign(new Error(answer.error || `the server answered ${reply.status}`), { status: reply.status });
}

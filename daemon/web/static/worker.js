// The service worker. It keeps no page and no picture: what is shown is the present or says that it is not.
// Without a network it answers with a page that explains it, and it shows the news that are pushed.
const VERSION = "STATIC_VERSION";
const ICON = `./static/${VERSION}/icon-192.png`;
const KEPT = "aurorad-reached";
const REACHED = new URL("./-/reached", self.registration.scope).href;

// The page that brings this worker came without it: that it was reached is noted here.
self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(reached());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate") event.respondWith(navigate(event.request));
});

async function reached() {
  const kept = await caches.open(KEPT);
  await kept.put(REACHED, new Response(String(Date.now())));
}

async function navigate(request) {
  try {
    const reply = await fetch(request);
    await reached();
    return reply;
  } catch {
    return offline();
  }
}

// The time is the browser's own: it is about this device, not about the sky.
async function offline() {
  const kept = await caches.open(KEPT);
  const at = await kept.match(REACHED);
  const last = at ? new Date(Number(await at.text())).toLocaleString() : "never from this device";
  const body = `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Offline · aurorad</title>
<style>body{background:#0a0e14;color:#d5dbe3;font:1.1rem/1.5 system-ui,sans-serif;margin:0;min-height:100vh;display:grid;place-items:center}
main{max-width:34rem;padding:2rem}h1{font-size:1.5rem}a{color:inherit}</style>
<main><h1>Offline</h1><p>The watch cannot be reached from this device, so nothing is known of the sky now.</p>
<p>Last reached: ${last}.</p><p><a href="">Try again</a></p></main></html>`;
  return new Response(body, { status: 503, headers: { "content-type": "text/html; charset=utf-8" } });
}

self.addEventListener("push", (event) => {
  let told = {};
  try {
    told = event.data.json();
  } catch {
    told = {};
  }
  const where = (path) => new URL(path, self.registration.scope).href;
  // A browser ends a subscription whose messages show nothing, so there is always something.
  event.waitUntil(
    self.registration.showNotification(told.title || "aurorad", {
      body: told.body || "",
      tag: told.tag,
      renotify: Boolean(told.tag),
      icon: where(ICON),
      badge: where(ICON),
      image: told.image ? where(told.image) : undefined,
      data: { url: where(told.url || "./") },
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data?.url || self.registration.scope));
});

async function open(url) {
  const pages = await self.clients.matchAll({ type: "window" });
  const page = pages.find((one) => one.url.startsWith(self.registration.scope));
  if (!page) return self.clients.openWindow(url);
  await page.focus();
  return page.navigate(url);
}

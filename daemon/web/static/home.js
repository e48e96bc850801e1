// The page on a phone: its service worker, news by web push, and a word when the device is offline.
import { ask, at } from "./words.js";

const home = document.querySelector("[data-home]");

if (home) begin().catch((error) => refused(error, home.dataset.failed + " "));

async function begin() {
  const lost = home.querySelector("[data-home-offline]");
  document.getElementById("main").prepend(lost); // before all that it is about
  const show = () => (lost.hidden = navigator.onLine);
  window.addEventListener("online", show);
  window.addEventListener("offline", show);
  show();
  const button = home.querySelector("[data-home-subscribe]");
  if (!("serviceWorker" in navigator)) return; // no secure address: the text beside it says what is needed
  const worker = await navigator.serviceWorker.register(at("/sw.js"), { scope: at("/") });
  if (!("pushManager" in worker)) return; // iOS: only once it is on the home screen
  home.querySelector("[data-home-needs]").hidden = true;
  button.hidden = false;
  const form = home.querySelector("form");
  const there = await worker.pushManager.getSubscription();
  if (there) await restore(form, button, there);
  button.addEventListener("click", () => attempt(() => subscribe(worker, form, button)));
  form.addEventListener("change", () => attempt(() => subscribe(worker, form, button)));
  form.querySelector("[data-home-test]").addEventListener("click", () => attempt(() => test(worker)));
  form.querySelector("[data-home-end]").addEventListener("click", () => attempt(() => end(worker, form, button)));
}

async function attempt(what) {
  say("");
  try {
    await what();
  } catch (error) {
    refused(error);
  }
}

async function subscribe(worker, form, button) {
  if ((await Notification.requestPermission()) !== "granted") throw new Error(home.dataset.denied);
  const { key } = await ask(at("/push/key"));
  let there = await worker.pushManager.getSubscription();
  if (there && !isMadeWith(there, key)) {
    await there.unsubscribe(); // of a watch that has another key by now: nothing would arrive
    there = null;
  }
  there ??= await worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
  await ask(at("/push/subscribe"), { ...sent(there), ...wishes(form) });
  shown(form, button, true);
  say(home.dataset.subscribed);
}

async function restore(form, button, there) {
  const { wishes: kept } = await ask(at("/push/mine"), { endpoint: there.endpoint });
  if (!kept) return;
  for (const [name, value] of Object.entries(kept)) if (form.elements[name]) form.elements[name].value = value;
  shown(form, button, true);
}

async function test(worker) {
  const there = await worker.pushManager.getSubscription();
  await ask(at("/push/test"), { endpoint: there?.endpoint ?? "" });
  say(home.dataset.tested);
}

async function end(worker, form, button) {
  const there = await worker.pushManager.getSubscription();
  if (there) {
    await ask(at("/push/unsubscribe"), { endpoint: there.endpoint });
    await there.unsubscribe();
  }
  shown(form, button, false);
  say(home.dataset.ended);
}

// Without the token nobody subscribes: the way to sign in leads back to this page.
function refused(error, before = "") {
  const locked = error.status === 401;
  say(before + (locked ? home.dataset.locked : error.message));
  const link = home.querySelector("[data-home-sign-in]");
  const here = location.pathname.slice(at("").length);
  link.search = "?to=" + encodeURIComponent(here === "/sign-in" ? "/" : here + location.search);
  link.hidden = !locked;
}

const shown = (form, button, subscribed) => {
  form.hidden = !subscribed;
  button.hidden = subscribed;
};

const wishes = (form) => ({
  camera: form.elements.camera?.value ?? "",
  level: Number(form.elements.level.value),
  quiet_from: form.elements.quiet_to.value && form.elements.quiet_from.value,
  quiet_to: form.elements.quiet_from.value && form.elements.quiet_to.value,
  timezone: Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC",
});

const sent = (there) => {
  const { endpoint, keys } = there.toJSON();
  return { endpoint, p256dh: keys.p256dh, auth: keys.auth };
};

const isMadeWith = (subscription, key) => {
  const its = subscription.options?.applicationServerKey;
  return !its || String(new Uint8Array(its)) === String(bytes(key));
};

const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

function say(text) {
  home.querySelector("[data-home-sign-in]").hidden = true;
  home.querySelector("[data-home-said]").textContent = text;
}

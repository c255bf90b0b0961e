// Refreshes a live page every two seconds, and turns the buttons into calls of the API.
"use strict";

const main = document.querySelector("main");

async function refresh() {
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
  for (const kept of main.querySelectorAll("[data-keep]")) { // forms keep what is being typed
    fresh.querySelector("#" + kept.id)?.replaceWith(kept);
  }
  main.replaceChildren(...fresh.childNodes);
}

async function call(method, path, body) {
  const answer = await fetch(path, {
    method, headers: body ? { "Content-Type": "application/json" } : {}, body: body && JSON.stringify(body),
  });
  return answer.ok ? "" : (await answer.json()).error;
}

main.addEventListener("click", async (event) => {
  const id = event.target.dataset.cancel;
  if (id) {
    await call("DELETE", "/emulator/faults/" + id);
    await refresh();
  }
});

main.addEventListener("submit", async (event) => {
  if (event.target.id !== "order") return;
  event.preventDefault();
  const given = new FormData(event.target);
  const order = { fault: given.get("fault"), match: {} };
  if (given.get("table")) {
    order.match.table = given.get("table");
    order.at = "operation";
  }
  for (const name of ["count", "share"]) {
    if (given.get(name)) order[name] = Number(given.get(name));
  }
  if (given.get("delay")) order.delay = given.get("delay");
  event.target.querySelector("output").value = await call("POST", "/emulator/faults", order);
  await refresh();
});

if (main.hasAttribute("data-live")) {
  setInterval(() => {
    const busy = document.activeElement?.closest("[data-keep]") || getSelection().toString();
    if (!document.hidden && !busy) refresh().catch(() => {}); // the emulator may be restarting
  }, 2000);
}

// Keeps the server-rendered page live: nodes over a WebSocket, statuses by the clock.
"use strict";

const FIRST_RETRY = 500;
const LAST_RETRY = 15000;
const TICK = 5000;
const REFRESH = 30000;

const root = document.documentElement.dataset;
const rows = document.getElementById("rows");
const live = document.getElementById("live");
const byId = new Map([...rows.children].map((row) => [row.dataset.id, row]));
const zoned = new Intl.DateTimeFormat("sv-SE", {
  timeZone: root.timezone, dateStyle: "short", timeStyle: "medium",
});

function statusOf(heartbeat) {
  const age = heartbeat ? (Date.now() - Date.parse(heartbeat)) / 1000 : Infinity;
  if (age > Number(root.offlineAfter)) return "offline";
  return age > Number(root.lateAfter) ? "late" : "online";
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function makeRow(node) {
  const row = element("tr");
  Object.assign(row.dataset, { id: node.id, name: node.name, heartbeat: node.heartbeat_at || "" });
  const name = element("th", node.name);
  name.scope = "row";
  const status = element("td");
  status.append(element("span", node.status, `status ${node.status}`));
  const labels = element("td");
  for (const [key, value] of Object.entries(node.labels)) {
    labels.append(element("span", value ? `${key}=${value}` : key, "label"), " ");
  }
  const heartbeat = element("td", node.heartbeat_at ? "" : "never");
  if (node.heartbeat_at) {
    const time = element("time", zoned.format(new Date(node.heartbeat_at)));
    time.dateTime = node.heartbeat_at;
    heartbeat.append(time);
  }
  row.append(name, status, element("td", node.region), labels, heartbeat);
  return row;
}

// The rows are sorted by name: a binary search finds the place of a new one.
function place(row) {
  let [low, high] = [0, rows.children.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows.children[middle].dataset.name < row.dataset.name) low = middle + 1;
    else high = middle;
  }
  rows.insertBefore(row, rows.children[low] || null);
}

function show(node, fresh) {
  const old = byId.get(node.id);
  const row = makeRow(node);
  if (old?.isEqualNode(row)) return;
  if (fresh) row.classList.add("fresh");
  if (old && old.dataset.name === node.name) old.replaceWith(row);
  else {
    if (old) old.remove();
    place(row);
  }
  byId.set(node.id, row);
}

function forget(id) {
  byId.get(id)?.remove();
  byId.delete(id);
}

function count() {
  const counts = { online: 0, late: 0, offline: 0 };
  for (const row of byId.values()) {
    const status = statusOf(row.dataset.heartbeat);
    const shown = row.querySelector(".status");
    if (shown.textContent !== status) {
      shown.textContent = status;
      shown.className = `status ${status}`;
    }
    counts[status] += 1;
  }
  for (const [status, number] of Object.entries(counts)) {
    const shown = document.getElementById(`count-${status}`);
    if (shown.textContent !== String(number)) shown.textContent = number;
  }
  const troubled = document.getElementById("trouble") !== null;
  document.getElementById("table").hidden = byId.size === 0;
  document.getElementById("empty").hidden = byId.size > 0 || troubled;
}

// Takes up what was missed: before the socket was open, or on another worker.
// What an event told while the answer was on its way is newer than the answer.
const refreshing = new Set();
async function refresh() {
  const heard = new Set();
  refreshing.add(heard);
  try {
    takeUp(await allNodes(), heard);
  } finally {
    refreshing.delete(heard);
  }
}

async function allNodes() {
  const found = new Map();
  for (let cursor = ""; cursor !== null;) {
    const after = cursor && `&cursor=${cursor}`;
    const answer = await fetch(`api/v1/nodes?limit=1000${after}`);
    if (!answer.ok) throw new Error(`nodes: ${answer.status}`);
    const page = await answer.json();
    for (const node of page.items) found.set(node.id, node);
    cursor = page.next_cursor;
  }
  return found;
}

function takeUp(found, heard) {
  if (document.getElementById("trouble")) {
    location.reload();
    return;
  }
  for (const id of [...byId.keys()]) if (!found.has(id) && !heard.has(id)) forget(id);
  for (const node of found.values()) if (!heard.has(node.id)) show(node, false);
  count();
}

function tell(state, text) {
  live.dataset.live = state;
  live.textContent = text;
}

function greet(hello) {
  document.getElementById("build").textContent = hello.build.slice(0, 12);
  const slot = document.getElementById("slot");
  slot.textContent = hello.slot || "none";
  slot.dataset.slot = hello.slot;
}

let counting = false;
function countSoon() {
  if (counting) return;
  counting = true;
  requestAnimationFrame(() => {
    counting = false;
    count();
  });
}

function hear(event) {
  if (event.type === "hello") greet(event);
  for (const heard of refreshing) heard.add(event.id);
  if (event.type === "node.deleted") forget(event.id);
  else if (event.node) show(event.node, true);
  countSoon();
}

let retry = FIRST_RETRY;
function connect() {
  const url = new URL("ws/events", document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  socket.onopen = () => {
    retry = FIRST_RETRY;
    tell("on", "live");
    refresh().catch(() => {});
  };
  socket.onmessage = (message) => hear(JSON.parse(message.data));
  socket.onclose = () => {
    tell("wait", "reconnecting");
    setTimeout(connect, retry * (0.5 + Math.random()));
    retry = Math.min(retry * 2, LAST_RETRY);
  };
}

async function copy(button) {
  const code = document.getElementById(button.dataset.copy);
  getSelection().selectAllChildren(code);
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    document.execCommand("copy"); // no clipboard without https: the selection stays as well
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy(button));
}
setInterval(count, TICK);
setInterval(() => { if (!document.hidden) refresh().catch(() => {}); }, REFRESH);
connect();

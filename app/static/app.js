// Keeps the server-rendered page live: a WebSocket tells that something happened, and what the
// server renders anew takes the place of what differs.
import { Announcer } from "./announcer.js";
import { Connection } from "./connection.js";
import { offerCopies } from "./copy.js";
import { Filter } from "./filter.js";
import { Outage } from "./outage.js";
import { Reader } from "./reader.js";
import { show } from "./view.js";

const RENEW = 20000; // heartbeats make no events, and statuses age

const filter = new Filter(document.getElementById("filter"));
const announcer = new Announcer(document.getElementById("told"));
const outage = new Outage(document.getElementById("outage"));
const reader = new Reader({
  onPage: (fresh, only) => {
    show(fresh, only);
    filter.apply();
    offerCopies();
    outage.end();
  },
  onOutage: (detail) => outage.begin(detail),
});

function greet(hello, isBack) {
  document.getElementById("renewed").hidden = hello.build === document.body.dataset.build;
  if (isBack) reader.want([]);
}

function take(events) {
  const nodes = events.map((event) => event.node_id).filter(Boolean);
  const touchesAll = events.some((event) => !event.node_id && /updated|deleted/.test(event.kind));
  if (touchesAll) reader.wantAll();
  else reader.want(nodes);
  announcer.count(events.length);
}

const connection = new Connection({
  after: document.body.dataset.after,
  onHello: greet,
  onEvents: take,
  onAnew: () => reader.wantAll(),
  onStatus: (status) => {
    if (!status.live) outage.begin(status.detail);
    else reader.wantAll();
  },
  onState: (state) => {
    const shown = document.getElementById("live");
    shown.dataset.live = state;
    shown.textContent = state;
  },
});

setInterval(() => { if (!document.hidden) reader.wantAll(); }, RENEW);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  reader.wantAll();
  connection.hurry();
});
addEventListener("online", () => connection.hurry());
offerCopies();
filter.apply();
connection.open();

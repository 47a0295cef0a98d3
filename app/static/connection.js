// The WebSocket: resumes after the last event, comes back by itself, waits longer each time.
const FIRST_WAIT = 500;
const LAST_WAIT = 15000;
const SILENCE = 60000; // the server says something each 20 s
const RESTARTS = 1012;
const UNKNOWN = 4400;

export class Connection {
  constructor({ after, ...hearer }) {
    this.last = after; // the last event we have, "" for none
    this.hearer = hearer;
    this.wait = FIRST_WAIT;
    this.wasLost = false;
  }

  open() {
    const url = new URL("ws/events", document.baseURI);
    url.protocol = url.protocol.replace("http", "ws");
    if (this.last) url.searchParams.set("after", this.last);
    this.socket = new WebSocket(url);
    this.socket.onmessage = (message) => this.hear(JSON.parse(message.data));
    this.socket.onclose = (closed) => this.lose(closed.code);
    this.listen();
  }

  // Comes back at once where it was about to wait: somebody looks, or the network is back.
  hurry() {
    if (this.socket.readyState !== WebSocket.CLOSED) return;
    this.wait = FIRST_WAIT;
    clearTimeout(this.later);
    this.open();
  }

  hear(message) {
    this.listen();
    if (message.type === "hello") this.begin(message);
    else if (message.type === "events") this.take(message.events);
    else if (message.type === "status") {
      this.hearer.onState(message.live ? "live" : "waiting for the database");
      this.hearer.onStatus(message);
    }
  }

  begin(hello) {
    this.wait = FIRST_WAIT;
    this.hearer.onState("live");
    if (!this.last) this.hearer.onAnew();
    this.last = hello.after;
    this.hearer.onHello(hello, this.wasLost);
  }

  take(events) {
    this.last = events.at(-1).id;
    this.hearer.onEvents(events);
  }

  // A dead connection may not be told as closed for long: silence is enough.
  listen() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.socket.onclose = this.socket.onmessage = null;
      this.socket.close();
      this.lose();
    }, SILENCE);
  }

  lose(code) {
    clearTimeout(this.silence);
    if (code >= UNKNOWN) this.last = "";
    if (code === RESTARTS) this.wait = FIRST_WAIT;
    this.wasLost = true;
    this.hearer.onState("reconnecting");
    this.later = setTimeout(() => this.open(), this.wait * (0.5 + Math.random()));
    this.wait = Math.min(this.wait * 2, LAST_WAIT);
  }
}

// Tells a screen reader of events, in one sentence for many, and not more often than one can hear.
const PAUSE = 15000;

export class Announcer {
  constructor(region) {
    this.region = region;
    this.events = 0;
  }

  count(events) {
    this.events += events;
    this.later ??= setTimeout(() => this.tell(), PAUSE);
  }

  tell() {
    this.later = undefined;
    const newest = document.querySelector("#feed .text")?.textContent ?? "";
    const many = this.events === 1 ? "1 event" : `${this.events} events, the newest`;
    this.region.textContent = `${many}: ${newest}`;
    this.events = 0;
  }
}

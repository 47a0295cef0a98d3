// Reads the page anew, one request at a time: all of it, or of the nodes only those something
// happened to. What happens meanwhile is read by the next.
const SOON = 150; // so that what happens together is read together
const MANY = 100;
const FIRST_WAIT = 1000;
const LAST_WAIT = 15000;
const OK = 200;
const UNAVAILABLE = 503;

export class Reader {
  constructor({ onPage, onOutage }) {
    this.onPage = onPage;
    this.onOutage = onOutage;
    this.only = null; // null: nothing is wanted
    this.all = false;
    this.wait = FIRST_WAIT;
  }

  want(nodes) {
    this.only = new Set([...(this.only ?? []), ...nodes]);
    if (this.only.size > MANY) this.all = true;
    this.run(SOON * Math.random());
  }

  wantAll() {
    this.all = true;
    this.run(0);
  }

  run(delay) {
    if (this.running) return;
    this.running = true;
    setTimeout(() => this.read(), delay);
  }

  async read() {
    const only = this.all ? null : this.only;
    [this.only, this.all] = [null, false];
    let delay = SOON;
    try {
      this.take(await fetchPage(only), only);
      this.wait = FIRST_WAIT;
    } catch {
      delay = this.wait * (0.5 + Math.random());
      this.wait = Math.min(this.wait * 2, LAST_WAIT);
      if (only) this.only = new Set([...(this.only ?? []), ...only]);
      else this.all = true;
    }
    this.running = false;
    if (this.all || this.only) this.run(delay);
  }

  take({ status, page }, only) {
    if (status === UNAVAILABLE) this.onOutage(page.getElementById("trouble").textContent);
    if (status !== OK) throw new Error(`page: ${status}`);
    this.onPage(page, only);
  }
}

async function fetchPage(only) {
  const url = new URL("./", document.baseURI);
  if (only) url.searchParams.set("only", [...only].join(","));
  const answer = await fetch(url, { headers: { accept: "text/html" }, redirect: "manual" });
  if (answer.type === "opaqueredirect") location.reload(); // the session is over: log in
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return { status: answer.status, page };
}

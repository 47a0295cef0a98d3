// The banner that says why what is shown may be old.
export class Outage {
  constructor(banner) {
    this.banner = banner;
    this.reason = banner.querySelector("p");
  }

  begin(detail) {
    const told = `${detail.replace(/\.$/, "")}.`;
    const nothing = document.getElementById("unknown") !== null;
    const text = nothing ? told : `${told} What is shown is as of ${this.moment()}.`;
    this.banner.hidden = false;
    if (this.reason.textContent !== text) this.reason.textContent = text;
  }

  moment() {
    return document.getElementById("moment").textContent;
  }

  end() {
    this.banner.hidden = true;
  }
}

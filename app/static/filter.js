// Shows of the nodes only those that are looked for.
export class Filter {
  constructor(form) {
    this.words = form.querySelector("[type=search]");
    this.attention = form.querySelector("[type=checkbox]");
    this.matches = form.querySelector("output");
    this.form = form;
    form.addEventListener("input", () => this.apply());
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  apply() {
    const words = this.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = document.getElementById("rows").children;
    let shown = 0;
    for (const row of rows) {
      const fits = this.fits(row, words);
      if (row.hidden === fits) row.hidden = !fits;
      shown += fits;
    }
    this.form.hidden = rows.length === 0;
    const asked = words.length > 0 || this.attention.checked;
    const text = asked ? `${shown} of ${rows.length}` : "";
    if (this.matches.textContent !== text) this.matches.textContent = text;
  }

  fits(row, words) {
    if (this.attention.checked && !row.hasAttribute("data-attention")) return false;
    if (words.length === 0) return true;
    const text = row.textContent.toLowerCase();
    return words.every((word) => text.includes(word));
  }
}

// Puts what differs in a page rendered anew in the place of what is shown, and touches nothing else.
import { showAll, showSome } from "./rows.js";

const rendered = new Map(
  [...document.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part.outerHTML]),
);

export function show(fresh, only) {
  document.title = fresh.title;
  for (const part of fresh.querySelectorAll("[data-part]")) showPart(part);
  const first = document.getElementById("feed").childElementCount === 0;
  showAll(document.getElementById("feed"), fresh.getElementById("feed"), { marks: !first });
  const [rows, freshRows] = [document.getElementById("rows"), fresh.getElementById("rows")];
  if (only) showSome(rows, freshRows, only);
  else showAll(rows, freshRows);
  for (const part of fresh.querySelectorAll("[data-shown]")) {
    document.getElementById(part.id).hidden = part.hidden;
  }
  document.getElementById("unknown")?.remove();
}

function showPart(part) {
  const name = part.dataset.part;
  const html = part.outerHTML;
  if (rendered.get(name) === html) return;
  rendered.set(name, html);
  const shown = document.querySelector(`[data-part="${name}"]`);
  const [body, freshBody] = [shown, part].map((each) => each.querySelector("tbody"));
  if (body && freshBody) showAll(body, freshBody, { marks: true });
  else shown.replaceWith(part);
}

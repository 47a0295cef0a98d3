// Rows with keys, made the same as those of a fresh rendering by as few changes as it takes.
const MARK = [{ backgroundColor: "var(--mark)" }, {}];
const MARK_MS = 2500;
const still = matchMedia("(prefers-reduced-motion: reduce)");

// All that should be there, in order.
export function showAll(shown, fresh, { marks = false } = {}) {
  const wanted = [...fresh.children];
  const keys = new Set(wanted.map((row) => row.dataset.key));
  const known = new Map();
  for (const row of [...shown.children]) {
    if (keys.has(row.dataset.key)) known.set(row.dataset.key, row);
    else row.remove();
  }
  let next = shown.firstElementChild;
  for (const row of wanted) {
    const old = known.get(row.dataset.key);
    if (old) renew(old, row, marks);
    if (old && old === next) next = next.nextElementSibling;
    else shown.insertBefore(old ?? row, next);
    if (!old && marks) mark(row);
  }
}

// Some, sorted by name; those of `keys` that are not there any more are gone.
export function showSome(shown, fresh, keys) {
  const isCut = fresh.hasAttribute("data-cut");
  const wanted = new Map([...fresh.children].map((row) => [row.dataset.key, row]));
  for (const key of keys) {
    const old = shown.querySelector(`[data-key="${CSS.escape(key)}"]`);
    const row = wanted.get(key);
    if (old && row && old.dataset.name === row.dataset.name) {
      renew(old, row, true);
      continue;
    }
    if (row && (old || !isCut)) {
      shown.insertBefore(row, placeOf(shown, row.dataset.name));
      mark(row);
    }
    old?.remove();
  }
}

function renew(old, row, marks) {
  if (old.isEqualNode(row)) return;
  old.toggleAttribute("data-attention", row.hasAttribute("data-attention"));
  const cells = [...row.children];
  [...old.children].forEach((cell, index) => {
    const [shown, fresh] = [cell, cells[index]];
    if (shown.isEqualNode(fresh)) return;
    shown.replaceWith(fresh);
    if (marks) mark(fresh);
  });
}

function mark(element) {
  if (!still.matches) element.animate(MARK, MARK_MS);
}

function placeOf(shown, name) {
  let [low, high] = [0, shown.children.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shown.children[middle].dataset.name < name) low = middle + 1;
    else high = middle;
  }
  return shown.children[low] ?? null;
}

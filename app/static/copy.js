// Buttons that copy a command.
const DONE_MS = 2000;

export function offerCopies() {
  for (const button of document.querySelectorAll("[data-copy][hidden]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
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
  setTimeout(() => { button.textContent = "Copy"; }, DONE_MS);
}

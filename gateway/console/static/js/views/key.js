// Asks for the API key, when the gateway wants one or the user wants another.
import { html, useEffect, useRef } from "../lib.js";
import { apiKey, keyIsWanted, keyProblem, useKey } from "../state/session.js";

export function KeyDialog() {
  const dialog = useRef(null);
  const isClosedHere = useRef(false);
  const isWanted = keyIsWanted.value;
  useEffect(() => {
    if (isWanted && !dialog.current.open) dialog.current.showModal();
    if (isWanted || !dialog.current.open) return;
    isClosedHere.current = true;
    dialog.current.close();
  }, [isWanted]);
  // Comes late: by then the gateway may have refused the key, and it is asked for again.
  const closed = () => {
    if (!isClosedHere.current) keyIsWanted.value = false;
    isClosedHere.current = false;
  };
  const submit = (event) => {
    event.preventDefault();
    useKey(new FormData(event.target).get("key").trim());
  };
  return html`<dialog
    ref=${dialog}
    class="dialog"
    aria-labelledby="key-title"
    onClose=${closed}
  >
    <form onSubmit=${submit}>
      <h2 id="key-title">API key</h2>
      <p class="hint">It stays in this tab and is forgotten when the tab is closed.</p>
      ${keyProblem.value && html`<p class="notice bad" role="alert">${keyProblem.value}</p>`}
      <label class="field">
        <span>Key</span>
        <input name="key" type="password" autocomplete="off" value=${apiKey.value} />
      </label>
      <div class="row end">
        <button class="button" type="button" onClick=${() => dialog.current.close()}>Cancel</button>
        <button class="button primary" type="submit">Use this key</button>
      </div>
    </form>
  </dialog>`;
}

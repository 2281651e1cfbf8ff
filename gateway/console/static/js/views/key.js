// Asks for the API key, when the gateway wants one or the user wants another.
import { html, useEffect, useRef } from "../lib.js";
import { apiKey, keyIsWanted, useKey } from "../state/session.js";

export function KeyDialog() {
  const dialog = useRef(null);
  const isWanted = keyIsWanted.value;
  useEffect(() => {
    if (isWanted && !dialog.current.open) dialog.current.showModal();
    if (!isWanted) dialog.current.close();
  }, [isWanted]);
  const submit = (event) => {
    event.preventDefault();
    useKey(new FormData(event.target).get("key").trim());
  };
  return html`<dialog
    ref=${dialog}
    class="dialog"
    aria-labelledby="key-title"
    onClose=${() => (keyIsWanted.value = false)}
  >
    <form onSubmit=${submit}>
      <h2 id="key-title">API key</h2>
      <p class="hint">It stays in this tab and is forgotten when the tab is closed.</p>
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

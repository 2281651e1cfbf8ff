// The frame around everything: the bar at the top, the documents at the side, the room.
import { html, useEffect, useRef } from "../lib.js";
import { hrefOf, route } from "../state/route.js";
import { apiKey, isDark, keyIsWanted, toggleTheme } from "../state/session.js";
import { DocumentList } from "./documents.js";
import { DocumentRoom } from "./document.js";
import { Icon } from "./icons.js";
import { KeyDialog } from "./key.js";
import { SendRoom } from "./send.js";

export function Shell() {
  const main = useRef(null);
  const { id } = route.value;
  useEffect(() => {
    document.title = id ? `${id} · pagemesh` : "pagemesh";
  }, [id]);
  return html`
    <a class="skip" href="#main" onClick=${(event) => skipTo(event, main.current)}>
      Skip to the content
    </a>
    <${Topbar} />
    <div class=${`rooms ${id ? "with-document" : "without-document"}`}>
      <${DocumentList} />
      <main id="main" ref=${main} tabindex="-1">
        ${id ? html`<${DocumentRoom} key=${id} />` : html`<${SendRoom} />`}
      </main>
    </div>
    <${KeyDialog} />
  `;
}

function skipTo(event, main) {
  // The address's fragment says which document is open.
  event.preventDefault();
  main.focus();
}

function Topbar() {
  const dark = isDark();
  return html`<header class="topbar">
    <a class="brand" href=${hrefOf({})}>
      <img src="icon.svg" alt="" width="24" height="24" />pagemesh
    </a>
    <a class="button primary" href=${hrefOf({})}><${Icon} name="add" /><span>New document</span></a>
    <span class="space"></span>
    <button
      class="button quiet"
      type="button"
      onClick=${() => (keyIsWanted.value = true)}
      aria-label=${apiKey.value ? "API key: set. Change it" : "API key: none. Set it"}
      title="API key"
    >
      <${Icon} name="key" />${apiKey.value && html`<span class="dot ok"></span>`}
    </button>
    <button
      class="button quiet"
      type="button"
      onClick=${toggleTheme}
      aria-label=${dark ? "Use light colours" : "Use dark colours"}
      title=${dark ? "Use light colours" : "Use dark colours"}
    >
      <${Icon} name=${dark ? "sun" : "moon"} />
    </button>
  </header>`;
}

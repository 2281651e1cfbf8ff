// What this tab remembers: the API key until the tab is closed, and the look for good.
import { effect, signal } from "../lib.js";

const KEY = "pagemesh.key";
const THEME = "pagemesh.theme";
const THRESHOLD = "pagemesh.threshold";

export const apiKey = signal(sessionStorage.getItem(KEY) ?? "");
// Set when the gateway wants a key, and why it does when it was given one.
export const keyIsWanted = signal(false);
export const keyProblem = signal("");

export function askForKey() {
  keyProblem.value = apiKey.value ? "The gateway does not take this key." : "";
  keyIsWanted.value = true;
}

export function useKey(key) {
  [keyIsWanted.value, keyProblem.value] = [false, ""];
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
  // Last: what needs a key is asked for again at once.
  apiKey.value = key;
}

// "light", "dark", or "" for what the system prefers.
export const theme = signal(localStorage.getItem(THEME) ?? "");

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(prefersDark.matches);
prefersDark.addEventListener("change", (event) => (systemIsDark.value = event.matches));

export const isDark = () => (theme.value ? theme.value === "dark" : systemIsDark.value);

export function toggleTheme() {
  theme.value = isDark() ? "light" : "dark";
}

effect(() => {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  if (theme.value) localStorage.setItem(THEME, theme.value);
});

// Values less sure than this, in percent, are marked for review.
export const threshold = signal(Number(localStorage.getItem(THRESHOLD) ?? 80));

effect(() => localStorage.setItem(THRESHOLD, String(threshold.value)));

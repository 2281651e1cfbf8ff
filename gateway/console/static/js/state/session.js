// What this tab remembers: the API key until the tab is closed, and the look for good.
import { effect, signal } from "../lib.js";

const KEY = "pagemesh.key";
const THEME = "pagemesh.theme";
const THRESHOLD = "pagemesh.threshold";

export const apiKey = signal(sessionStorage.getItem(KEY) ?? "");
// Set when the gateway has refused a call for want of a valid key.
export const keyIsWanted = signal(false);

export function useKey(key) {
  apiKey.value = key;
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
  keyIsWanted.value = false;
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

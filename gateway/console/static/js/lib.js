// The one place that names the vendored libraries.
import { Fragment, h, render } from "../vendor/preact.mjs";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.mjs";
import { computed, effect, signal, batch } from "../vendor/signals.mjs";
import htm from "../vendor/htm.mjs";

const html = htm.bind(h);

export {
  Fragment,
  batch,
  computed,
  effect,
  html,
  render,
  signal,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
};

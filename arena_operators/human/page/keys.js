// Which keys hold which buttons, in games that are played by held keys. Keys are meant by their place (event.code), so
// that WASD lies well on every keyboard. The person's own choice is kept in this browser.

const KNOWN = {
  left: ["ArrowLeft", "KeyA"],
  right: ["ArrowRight", "KeyD"],
  up: ["ArrowUp", "KeyW"],
  down: ["ArrowDown", "KeyS"],
  jump: ["Space", "KeyK"],
  run: ["KeyJ", "KeyX"],
};
const SPARE = ["KeyU", "KeyI", "KeyO", "KeyH", "KeyY", "KeyN", "KeyM", "KeyB", "KeyV", "KeyC", "KeyZ"];
const TAKEN = new Set(["KeyP", "KeyL", "Period", "Enter", "NumpadEnter", "Escape", "Tab", "Slash"]); // they mean something else
const NAME = "arena-keys";
const SIGNS = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Period: "." };

function stored() {
  // The page's port, and with it localStorage, is another in every run unless the person chose one; cookies know no ports.
  const cookie = document.cookie.split("; ").find((part) => part.startsWith(`${NAME}=`));
  try {
    const found = JSON.parse(localStorage.getItem(NAME) ?? decodeURIComponent(cookie?.slice(NAME.length + 1) ?? "null"));
    const valid = (codes) => Array.isArray(codes) && codes.every((code) => typeof code === "string");
    return Object.fromEntries(Object.entries(found ?? {}).filter(([, codes]) => valid(codes)));
  } catch {
    return {}; // somebody else's, or storage is switched off
  }
}

function store(own) {
  const text = JSON.stringify(own);
  try {
    localStorage.setItem(NAME, text);
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
  }
  document.cookie = `${NAME}=${encodeURIComponent(text)}; path=/; max-age=31536000; samesite=strict`;
}

let own = stored();

// Button -> codes of keys that hold it.
export function keysOf(buttons) {
  const spare = [...SPARE];
  return Object.fromEntries(buttons.map((button) => [button, own[button] ?? KNOWN[button] ?? spare.splice(0, 1)]));
}

export function buttonOf(code, buttons) {
  const keys = keysOf(buttons);
  return buttons.find((button) => keys[button].includes(code)) ?? null;
}

// From now on this key alone holds the button, and no other button; "" when it counts, else why it does not.
export function remap(button, code, buttons) {
  if (TAKEN.has(code)) return `${sign(code)} means something else on this page. Choose another key.`;
  const keys = keysOf(buttons);
  for (const other of buttons) {
    if (other === button) own = { ...own, [button]: [code] };
    else if (keys[other].includes(code)) own = { ...own, [other]: keys[other].filter((one) => one !== code) };
  }
  store(own);
  return "";
}

export function reset() {
  own = {};
  store(own);
}

export const sign = (code) => SIGNS[code] ?? code.replace(/^(Key|Digit|Numpad)/, "");

// What a person who plays by held keys sees and touches: the buttons, the controls, the choice of keys.
import { $, make, put } from "./parts.js";
import { keysOf, remap, reset, sign } from "./keys.js";

const STEER = ["left", "up", "down", "right"];

export function showPad(held) {
  const box = $("pad");
  const on = Boolean(held.table);
  box.hidden = !on;
  $("help-remap").hidden = !on;
  if (!on) return;
  build(box, held);
  const keys = keysOf(held.buttons);
  const down = held.held();
  for (const button of box.querySelectorAll(".key")) {
    const name = button.dataset.button;
    button.classList.toggle("down", down.has(name));
    button.querySelector(".hint").replaceChildren(...keys[name].map((code) => make("kbd", "", sign(code))));
  }
  $("pause").hidden = held.realtime || !held.live;
  put("pause-word", held.paused ? "Go on" : "Pause");
  $("step").hidden = held.realtime || (held.live && !held.paused);
  $("pace").hidden = held.realtime;
  $("pace").setAttribute("aria-pressed", String(held.live));
  put("pace-word", held.live ? "Live" : "Step by step");
}

function build(box, held) {
  const content = held.buttons.join(" ");
  if (box.dataset.content === content) return;
  box.dataset.content = content;
  const steer = STEER.filter((button) => held.buttons.includes(button));
  const fire = held.buttons.filter((button) => !STEER.includes(button));
  $("steer").replaceChildren(...steer.map((button) => key(button, held)));
  $("fire").replaceChildren(...fire.map((button) => key(button, held)));
}

function key(name, held) {
  const button = make("button", "key", make("span", "name", name), make("span", "hint"));
  button.type = "button";
  button.dataset.button = name;
  button.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    button.setPointerCapture(event.pointerId);
    held.press(name, event.pointerId);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    button.addEventListener(end, (event) => held.letGo(name, event.pointerId));
  }
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("click", (event) => {
    if (event.detail > 0) return; // a pointer's: it was a press already
    held.press(name, "click");
    held.letGo(name, "click");
  });
  return button;
}

// What the headline of the page says while its person plays.
export function wordsOf(held, waitsLong) {
  const first = "Press Enter or any button to begin";
  if (held.waits) return ["act", first, held.realtime ? "The clock begins when everybody has." : ""];
  if (held.paused) return ["act", "Paused", "P or Enter goes on, a full stop plays one decision."];
  if (waitsLong) return ["wait", "Waiting for the others", ""];
  const last = held.action ? `Last: ${held.action.name}` : "";
  return held.live ? ["play", "Playing", last] : ["act", "Your move", "Hold keys, or a full stop plays one decision with what is held."];
}

export function showRemap(held, say) {
  const keys = keysOf(held.buttons);
  const rows = held.buttons.map((name) => {
    const change = make("button", "quiet", "Change");
    change.type = "button";
    change.setAttribute("aria-label", `Change the key of ${name}`);
    change.addEventListener("click", () => {
      change.textContent = "Press a key";
      const take = (event) => {
        event.preventDefault();
        event.stopImmediatePropagation();
        const wrong = event.code === "Escape" ? "" : remap(name, event.code, held.buttons);
        if (wrong) say(wrong);
        document.removeEventListener("keydown", take, true);
        showRemap(held, say);
        held.changed();
        $("remap").querySelector(`[aria-label="Change the key of ${name}"]`)?.focus();
      };
      document.addEventListener("keydown", take, true);
    });
    return make("div", "remap", make("span", "", name), make("span", "hint", ...keys[name].map((code) => make("kbd", "", sign(code)))), change);
  });
  const back = make("button", "quiet", "As they were");
  back.type = "button";
  back.addEventListener("click", () => {
    reset();
    showRemap(held, say);
    held.changed();
  });
  $("remap").replaceChildren(...rows, back);
}

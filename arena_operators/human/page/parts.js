// What the page looks like: each function shows one part of the state. Text goes in as text, never as HTML.

export const $ = (id) => document.getElementById(id);

export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

export function put(id, text) {
  // Writing the same text again would make screen readers say it again.
  if ($(id).textContent !== text) $(id).textContent = text;
}

// Puts a picture into its image, and tells the arena when it is there: only then does the next one come.
export function draw(image, picture) {
  image.addEventListener("load", picture.drawn, { once: true });
  image.src = picture.url;
  image.dataset.number = picture.number;
}

export const ARROWS = { up: "↑", right: "→", down: "↓", left: "←" }; // actions of these names have arrow keys, too
const keysOf = (choice) => [...choice.keys, ...(choice.name in ARROWS ? [ARROWS[choice.name]] : [])].map((key) => make("kbd", "", key.toUpperCase()));

// A game's name without its family, unless only the family says what it is ("mario:1-1").
export function gameName(id) {
  const own = id.split(":").pop();
  return (/[a-z]{2}/i.test(own) ? own : id.replaceAll(":", " ")).replaceAll("_", " ");
}

export function showLink(state, text) {
  $("link").dataset.state = state;
  put("link-text", text);
}

let toastTimer = 0;
export function toast(text) {
  clearTimeout(toastTimer);
  $("toast").textContent = text;
  $("toast").hidden = false;
  toastTimer = setTimeout(() => ($("toast").hidden = true), 6000);
}

export function announce(text) {
  $("live").textContent = text;
}

export function showTabs(tables, selected, choose) {
  const nav = $("tables");
  const content = JSON.stringify([selected, tables.map((table) => [table.key, table.request !== null, table.over])]);
  nav.hidden = tables.length < 2;
  if (nav.dataset.content === content) return;
  nav.dataset.content = content;
  nav.replaceChildren(
    ...tables.map((table) => {
      const tab = make("button", "tab", `Match ${table.match}`);
      tab.type = "button";
      if (table.request !== null) tab.append(make("span", "mark", "your move"));
      tab.setAttribute("aria-current", String(table.key === selected));
      tab.addEventListener("click", () => choose(table.key));
      return tab;
    }),
  );
}

export function showTable(table, picture, state, idle) {
  put("game", table ? gameName(table.game) : "agent-arena");
  put("where", table ? `Match ${table.match} - ${table.you}` : state ? `You are ${state.name}` : "Connecting");
  const pictured = Boolean(table?.pictured);
  $("empty").hidden = pictured || Boolean(table?.text);
  put("empty", table ? "Waiting for the first look at the table." : "The table appears here when a match begins.");
  const image = $("picture");
  image.hidden = !pictured;
  if (pictured) {
    if (picture && image.src !== picture.url) {
      image.onload = () => $("felt").style.setProperty("--ratio", image.naturalWidth / image.naturalHeight);
      draw(image, picture);
    }
    image.alt = table.text || "The table as your seat sees it; this game has no text view.";
  }
  $("words").hidden = pictured || !table?.text;
  put("words", pictured ? "" : (table?.text ?? ""));
  $("text-box").hidden = !pictured || !table?.text;
  put("text", table?.text ?? "");
  const past = Boolean(table && idle && (pictured || table.text));
  $("felt").classList.toggle("pixels", Boolean(table?.played));
  $("felt").classList.toggle("past", past);
  $("seen").hidden = !past;
  showFacts(table?.facts ?? []);
}

function showFacts(facts) {
  $("facts-box").hidden = facts.length === 0;
  const content = JSON.stringify(facts);
  if ($("facts").dataset.content === content) return;
  $("facts").dataset.content = content;
  $("facts").replaceChildren(
    ...facts.map((fact) => {
      const value = fact.cards.length ? make("dd", "cards", ...fact.cards.map(showCard)) : make("dd", "", fact.value);
      return make("div", fact.long ? "fact long" : "fact", make("dt", "", fact.label), value);
    }),
  );
}

const SUITS = { "♠": "spades", "♥": "hearts", "♦": "diamonds", "♣": "clubs" };

function showCard(card) {
  const shown = make("span", `card ${card.colour}`, make("b", "", card.rank), card.suit);
  shown.setAttribute("role", "img");
  shown.setAttribute("aria-label", card.suit ? `${card.rank} of ${SUITS[card.suit]}` : card.rank);
  return shown;
}

function stateOf(table, { sent, over, online, lost, words, spectator, ending, first }) {
  if (over) return ["over", ...over];
  if (!online && lost) return ["off", "The arena does not answer any more", "It was ended from outside, or the way to it is cut. If it still runs, use the newest link that it printed. What you see here stays."];
  if (!online) return ["off", "Connection lost"];
  if (ending.table) return ["done", ending.hand ? ending.hand.title : "The match is over", ""];
  if (!table) return ["none", spectator ? "You look on" : "Waiting for a match", first ? "It begins when every operator has loaded." : ""];
  if (table.over) return ["done", "The match is over"];
  if (table.out.length) return ["wait", "Your part is over", "The others go on."];
  if (words && !table.gaveUp) return words;
  if (table.request !== null && sent === null) return ["act", "Your move"];
  return ["wait", table.gaveUp ? "You gave up" : "Waiting for the others"];
}

export function showActions(table, how) {
  const box = $("actions");
  const [state, words, said] = stateOf(table, how);
  const held = box.contains(document.activeElement);
  box.dataset.state = state;
  put("status", words);
  const notes = { off: "Trying again. Your seat is kept, and so is the question.", done: "The next one begins by itself." };
  put("note", said ?? notes[state] ?? (state === "wait" ? (table?.note ?? "") : ""));
  const alert = state === "over" ? "" : (table?.alert ?? "");
  $("alert").hidden = !alert;
  put("alert", alert);

  const gone = !how.online && how.lost; // nobody takes an answer any more
  const next = how.ending.table && !how.over && !gone;
  const content = next ? "next" : gone ? "gone" : table?.played ? "held" : `${table?.key} ${table?.request}`;
  const buttons = $("buttons");
  if (buttons.dataset.content !== content) {
    buttons.dataset.content = content;
    buttons.classList.toggle("many", (table?.choices.length ?? 0) > 4);
    buttons.classList.toggle("signs", (table?.choices ?? []).every((choice) => choice.name.length <= 3));
    buttons.replaceChildren(
      ...(next ? [nextButton(how.ending)] : []),
      ...(next || gone || table?.played ? [] : (table?.choices ?? [])).map((choice) => {
        const keys = make("span", "hint", ...keysOf(choice));
        const button = make("button", "action", make("span", /^\S*\d\S*$/.test(choice.name) ? "name code" : "name", choice.name), keys);
        button.type = "button";
        button.dataset.action = choice.action;
        button.setAttribute("aria-keyshortcuts", choice.keys.join(" "));
        button.addEventListener("click", () => {
          button.classList.add("chosen");
          how.answer(choice, table.request);
        });
        return button;
      }),
    );
    if (held) box.focus({ preventScroll: true }); // the button that had the focus is gone: stay in this place
  }
  for (const button of buttons.children) button.disabled = !how.ready && !next;
  box.dataset.ready = String(how.ready);
  document.title = state === "act" ? "● Your move - agent-arena" : "agent-arena";
}

function nextButton(ending) {
  const button = make("button", "action", make("span", "name", "Next"), make("span", "hint", make("kbd", "", "Enter")));
  button.type = "button";
  button.id = "next";
  button.addEventListener("click", () => ending.next());
  return button;
}

// Over the picture: what became of this seat, in a game that the others go on with.
export function showEnding(table, last) {
  const own = table?.out.length ? table.out : table?.played && table.over && last?.match === table.match ? last.details.slice(0, 1).map(told) : [];
  $("ending").hidden = own.length === 0;
  put("ending-title", own.length ? "Your part is over" : "");
  put("ending-text", own.join(" "));
}

// A sentence of words and cards as text, with one full stop.
export const told = (parts) => parts.map((part) => (typeof part === "string" ? part : part.rank + part.suit)).join("").replace(/\.$/, "") + ".";

export function showLast(last, short, dismiss) {
  const box = $("last");
  box.hidden = last === null;
  const content = JSON.stringify([last?.number, short]);
  if (last === null || box.dataset.content === content) return;
  box.dataset.content = content;
  box.dataset.verdict = last.verdict;
  box.dataset.short = String(short);
  const close = make("button", "quiet close", "×");
  close.type = "button";
  close.setAttribute("aria-label", "Put this result away");
  close.addEventListener("click", dismiss);
  const rows = last.rows.map((row) =>
    make("tr", row.you ? "you" : "", make("th", "", row.you ? `${row.name} - you` : row.name), make("td", "", row.value)),
  );
  for (const row of rows) row.firstChild.scope = "row";
  const table = make("table", "", make("caption", "unseen", `Returns in ${last.unit}`), make("tbody", "", ...rows));
  const details = make("ul", "", ...last.details.map((parts) => make("li", "", ...parts.map((part) => (typeof part === "string" ? part : showCard(part))))));
  const more = make("details", "", make("summary", "", "How it ended"), details, ...(rows.length > 1 ? [table] : []));
  more.open = !short; // while the next match is on, the result takes one line
  const title = make("p", "over", last.title ?? `Match ${last.match} is over`);
  box.replaceChildren(title, ...(last.headline ? [make("h2", "", last.headline)] : []), more, ...(last.title ? [] : [close]));
}

export function showHistory(state) {
  const history = state?.history ?? [];
  $("history-empty").hidden = history.length > 0;
  $("total").hidden = history.length < 2;
  put("total", `Sum of ${history.length} matches: ${state?.total ?? ""}`);
  const content = String(history[0]?.number ?? "");
  if ($("history").dataset.content === content) return;
  $("history").dataset.content = content;
  $("history").replaceChildren(
    ...history.map((line) => {
      const item = make("li", "", make("span", "", `Match ${line.match}`), make("span", "", line.headline.split(":")[0]), make("b", "", line.own));
      item.dataset.verdict = line.verdict;
      return item;
    }),
  );
}

const HELD_KEYS = [
  ["Enter", "begin, or go on after a pause"],
  ["P", "pause: everybody waits"],
  [".", "play one decision with what is held"],
  ["L", "live (time goes on by itself), or step by step (only while you hold a key)"],
];

export function showHelp(table) {
  const rows = table?.played
    ? HELD_KEYS.map(([key, words]) => [[make("kbd", "", key)], words])
    : (table?.choices ?? []).map((choice) => [keysOf(choice), choice.name]);
  rows.push([[make("kbd", "", "?")], "this help"], [[make("kbd", "", "Tab"), make("kbd", "", "Enter")], "go through the buttons, press one"]);
  $("help-keys").replaceChildren(...rows.flatMap(([keys, words]) => [make("dt", "", ...keys), make("dd", "", words)]));
  put("help-rules", table?.rules ?? "They are shown when a match has begun.");
}

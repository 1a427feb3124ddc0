// The page of one person: keeps the connection, knows the state, sends answers. What it looks like is in parts.js.
import { Ending } from "./ending.js";
import { Held } from "./held.js";
import { buttonOf } from "./keys.js";
import { showPad, showRemap, wordsOf } from "./pad.js";
import { Watching } from "./live.js";
import { showUpdate, updateOf } from "./update.js";
import { showTalk, tooLong, words } from "./talk.js";
import { $, ARROWS, showActions, showEnding, showHelp, showHistory, showLast, showLink, showTable, showTabs, told, toast, announce } from "./parts.js";

const CALM_MS = 350; // after an answer, so long no click counts: the second half of a double click is no move

const LOST = 4; // so many times in vain, and the arena is said to be gone
const AWAY_MS = 30000; // as long as a page may be out of sight before the clock runs

const now = () => performance.now();
const page = {
  state: null, // the newest state from the arena
  pictures: new Map(), // table key -> {number, url}
  selected: null, // table key
  sent: null, // the request that was answered here and is not confirmed yet
  answered: -Infinity, // when that was
  deadline: null, // of the selected table's question, by now()
  dismissed: 0, // number of the last match whose result was put away
  heard: new Set(), // requests and results that were announced
  asked: { request: null, at: 0 }, // the question that came last, and when
  seen: null, // the question that the arena was told is seen here
  socket: null,
  tries: 0,
  over: null, // [headline, why] when there will be no reconnecting
};

const ending = new Ending(() => {
  select();
  clock();
  follow();
  render();
});

const watching = new Watching();

const LONG_MS = 700; // without a question: the others are waited for
let quiet = 0; // since when nothing is asked
const held = new Held(
  (action, request) => {
    page.sent = request;
    if (page.state.last) page.dismissed = page.state.last.number;
    page.socket.send(JSON.stringify({ type: "answer", request, action: action.action }));
    render();
  },
  () => render(),
);

// --- the connection --------------------------------------------------------------------------------------------

function connect() {
  const socket = new WebSocket(new URL("socket", location.href.replace(/^http/, "ws")));
  socket.binaryType = "arraybuffer";
  page.socket = socket;
  socket.onopen = () => {
    page.tries = 0;
    showLink("on", "connected");
  };
  socket.onmessage = (event) => (typeof event.data === "string" ? onText(JSON.parse(event.data)) : onPicture(event.data));
  socket.onclose = () => {
    if (page.socket !== socket) return;
    page.socket = null;
    page.sent = null;
    follow();
    if (page.over) return render();
    page.tries += 1;
    showLink("off", lost() ? "no answer any more" : page.state ? "connection lost, trying again" : "connecting");
    render();
    setTimeout(again, Math.min(5000, 125 * 2 ** page.tries));
  };
}

async function again() {
  try {
    const answer = await fetch(location.href, { method: "GET", cache: "no-store" });
    if (answer.status === 403 || answer.status === 404) return finish("This seat is not open here any more", "Use the newest link that the arena printed.");
  } catch {
    // The arena does not answer now: the socket finds out in the same way, and we come back here.
  }
  connect();
}

function finish(headline, why) {
  page.over = [headline, why];
  showLink("off", "closed");
  render();
}

function onText(message) {
  if (message.type === "notice") return toast(message.text);
  if (message.type === "moved") return finish("This seat was opened in another browser", "You can close this page.");
  ending.follow(page.state, message, page.selected, (key) => page.pictures.get(key));
  page.state = message;
  if (message.stopped) {
    page.over =
      message.stopped === "finished"
        ? ["The arena has finished", "Every match was played. You can close this page."]
        : ["The arena was stopped", message.tables.some((table) => !table.over) ? "This match was not finished. You can close this page." : "Not every match was played. You can close this page."];
    ending.over();
    page.dismissed = 0; // the last result stays to be read
    showLink(message.stopped === "finished" ? "finished" : "off", message.stopped);
  }
  select();
  clock();
  const table = current();
  if (!table || table.request !== page.sent) page.sent = null;
  tell(table);
  follow();
  render();
}

function clock() {
  const table = current();
  page.deadline = table && table.left !== null ? now() + table.left * 1000 : null;
}

const lost = () => page.tries > LOST;

const idle = () => Boolean(quiet) && now() - quiet > LONG_MS;

// Tell the held keys what is asked now.
function follow() {
  const seen = current();
  const table = seen?.played && !seen.over && !seen.out.length && !page.over ? seen : null;
  const open = Boolean(table && table.request !== null && page.sent !== table.request && page.socket?.readyState === WebSocket.OPEN);
  if (open) quiet = 0;
  else if (!quiet) quiet = now();
  held.follow(table, open);
}

function onPicture(buffer) {
  const bytes = new Uint8Array(buffer);
  const end = bytes.indexOf(10);
  const { key, picture } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
  const old = page.pictures.get(key);
  const socket = page.socket;
  const drawn = () => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify({ type: "drawn", key, picture }));
  const url = URL.createObjectURL(new Blob([bytes.subarray(end + 1)], { type: "image/png" }));
  if (page.state?.spectator) return watching.give({ key, number: picture, url, drawn });
  page.pictures.set(key, { number: picture, drawn, url });
  render();
  if (old && !ending.keeps(old)) URL.revokeObjectURL(old.url);
}

// A question's clock begins when it is before the person's eyes: connected, this tab in front, the picture there.
// (Whoever turns to another tab does not stop the others for ever: after half a minute it begins all the same.)
function notice(table) {
  if (!table || table.request === null || table.seen || page.seen === table.request || page.socket?.readyState !== WebSocket.OPEN) return;
  if (page.asked.request !== table.request) page.asked = { request: table.request, at: now() };
  if (document.hidden && now() - page.asked.at < AWAY_MS) return;
  const image = $("picture");
  if (table.pictured && !(table.fresh && image.complete && image.dataset.number === String(table.picture))) return;
  page.seen = table.request;
  page.socket.send(JSON.stringify({ type: "seen", request: table.request }));
}

// --- which table -----------------------------------------------------------------------------------------------

function current() {
  return ending.table ?? page.state?.tables.find((table) => table.key === page.selected) ?? null;
}

function select(key = null) {
  const tables = page.state.tables;
  for (const known of [...page.pictures.keys()]) {
    if (![...tables, ...page.state.updates, page.state.ended ?? {}].some((one) => one.key === known)) {
      URL.revokeObjectURL(page.pictures.get(known).url);
      page.pictures.delete(known);
    }
  }
  if (key) page.selected = key;
  else if (!current()?.request) {
    const waiting = tables.filter((table) => table.request !== null);
    waiting.sort((a, b) => (a.left ?? Infinity) - (b.left ?? Infinity));
    page.selected = (waiting[0] ?? current() ?? tables[0])?.key ?? null;
  }
}

function tell(table) {
  const last = page.state.last;
  if (last && !page.heard.has(`over ${last.number}`)) {
    page.heard.add(`over ${last.number}`);
    announce(`Match ${last.match} is over. ${last.headline}. ${last.details.map(told).join(" ")}`);
  }
  if (table?.request !== null && table && !table.played && !page.heard.has(`${table.key} ${table.request}`)) {
    page.heard.add(`${table.key} ${table.request}`);
    const choices = table.choices.map((choice) => `${choice.name}, key ${choice.keys.join(" or ") || "none"}`).join("; ");
    announce(`${table.alert} Your move. ${choices}${table.freeText ? "; or say something of your own" : ""}.`);
  }
}

// --- the person's side -----------------------------------------------------------------------------------------

function ready() {
  const table = current();
  return Boolean(page.socket?.readyState === WebSocket.OPEN && table && table.request !== null && page.sent === null && now() >= page.answered + CALM_MS);
}

function answer(choice, request) {
  const table = current();
  if (!ready()) return;
  if (request !== table.request) return toast("That button belonged to an earlier question. Nothing was done.");
  const say = choice === null || table.tableTalk ? words() : "";
  if (tooLong(table, choice !== null) && say) return toast("That is too long to be said here. Shorten it first.");
  page.sent = table.request;
  page.answered = now();
  if (page.state.last && page.state.last.number < table.number) page.dismissed = page.state.last.number;
  page.socket.send(JSON.stringify({ type: "answer", request: table.request, action: choice === null ? null : choice.action, say }));
  render();
  setTimeout(render, CALM_MS + 20);
}

// Space and arrows are a player's keys: they never scroll the page, whoever's turn it is.
const SCROLLS = new Set(["Space", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown"]);

function onKey(event) {
  if (event.target === $("say")) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return undefined; // what is typed is no action
    event.preventDefault();
    return sayIt();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const pressed = event.code === "Space" && document.activeElement.closest("button, summary, a");
  if (SCROLLS.has(event.code) && !pressed) event.preventDefault();
  if (ending.table) {
    const goes = event.code === "Enter" || event.code === "NumpadEnter" || (event.code === "Space" && !ending.table.played);
    if (!goes || pressed || event.repeat || (event.code !== "Space" && document.activeElement instanceof HTMLButtonElement)) return;
    event.preventDefault();
    return ending.next();
  }
  if (event.key === "?") {
    event.preventDefault();
    return event.repeat ? undefined : openHelp();
  }
  const table = current();
  if (held.table) return onHeldKey(event);
  if (event.repeat) return;
  if (!table || table.request === null) return;
  const key = event.key.toLowerCase();
  const choice = table.choices.find((one) => one.keys.includes(key) || (one.name in ARROWS && key === `arrow${one.name}`));
  if (!choice && !/^[a-z0-9]$/.test(key)) return;
  event.preventDefault();
  if (choice) answer(choice, table.request);
  else toast(`No action has the key ${event.key}. Press ? for help.`);
}

function onHeldKey(event) {
  const button = buttonOf(event.code, held.buttons);
  const acts = {
    KeyP: () => (held.realtime ? toast("In this match nobody waits: there is no pause.") : held.live && held.pause()),
    KeyL: () => !held.realtime && held.toggleLive(),
    Period: () => !held.realtime && held.step(),
    Enter: () => held.resume(),
  };
  if (event.code === "Enter" && document.activeElement instanceof HTMLButtonElement) return;
  const act = button ? () => held.press(button, event.code) : acts[event.code];
  if (!act) return;
  event.preventDefault();
  if (!event.repeat) act();
}

function onKeyUp(event) {
  const button = held.table && buttonOf(event.code, held.buttons);
  if (!button) return;
  if (held.down.get(button)?.has(event.code)) event.preventDefault(); // else Space would press the button that has the focus
  held.letGo(button, event.code);
}

function sayIt() {
  const table = current();
  if (!table?.freeText) return toast("Choose an action: what you typed is said with it.");
  if (!$("say-send").disabled) answer(null, table.request);
}

function openHelp() {
  if (held.table && held.live && !held.realtime && !held.waits) held.pause(true);
  held.release();
  showHelp(current());
  showRemap(held, toast);
  $("help").showModal();
}

function giveUp() {
  const table = current();
  $("sure").close();
  if (table && !ending.table) page.socket?.send(JSON.stringify({ type: "give_up", match: table.match, seat: table.seat }));
}

// --- drawing ---------------------------------------------------------------------------------------------------

function render() {
  if (page.state && watching.follow(page.state)) return;
  const table = current();
  const last = page.state?.last ?? null;
  showTabs(page.state?.tables ?? [], page.selected, (key) => {
    select(key);
    clock();
    follow();
    render();
  });
  // Between the turns of a game that hides nothing, the table as it is now.
  const between = table && !table.played && !table.over && !ending.table && table.request === null ? updateOf(page.state, table) : null;
  const live = between ? page.pictures.get(between.key) : null;
  const waits = table && !table.over && !table.out.length && !ending.table && (table.played ? idle() : table.request === null && !live);
  const past = waits || Boolean(ending.hand) || (table && !table.over && page.socket === null && lost());
  showTable(table, live ?? ending.picture ?? (table ? page.pictures.get(table.key) : null), page.state, past);
  showEnding(table, last);
  showUpdate(page.state, table, page.pictures);
  showActions(table, { ready: ready(), sent: page.sent, over: page.over, online: page.socket !== null, lost: lost(), first: !page.state?.matches, spectator: page.state?.spectator, answer, ending, words: held.table && wordsOf(held, idle()) });
  showTalk(table, ready());
  showPad(held);
  showLast(ending.hand ?? (last && last.number > page.dismissed ? last : null), Boolean(table && !table.over && !ending.table), () => {
    page.dismissed = last.number;
    render();
    $("actions").focus();
  });
  showHistory(page.state);
  $("give-up").hidden = !table || table.over || table.gaveUp || table.out.length > 0 || Boolean(ending.table) || Boolean(page.over) || page.socket === null;
  tick();
}

function tick() {
  const table = current();
  notice(table);
  if (held.table && idle() && $("actions").dataset.state === "play") render();
  const left = page.deadline === null || !table ? null : Math.max(0, (page.deadline - now()) / 1000);
  $("clock").hidden = left === null;
  if (left === null) return;
  $("clock-text").textContent = `${Math.ceil(left)} s`;
  $("clock-bar").style.width = `${Math.min(100, (100 * left) / table.budget)}%`;
  $("clock").classList.toggle("short", left <= 10);
  const warning = `clock ${table.request}`;
  if (left <= 10 && table.budget > 15 && !page.heard.has(warning)) {
    page.heard.add(warning);
    announce("10 seconds left.");
  }
}

document.addEventListener("keydown", onKey);
document.addEventListener("keyup", onKeyUp);
addEventListener("blur", () => held.release());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) held.release();
  held.plan();
});
$("picture").addEventListener("load", () => notice(current()));
$("pause").addEventListener("click", () => held.pause());
$("step").addEventListener("click", () => held.step());
$("pace").addEventListener("click", () => held.toggleLive());
$("help-button").addEventListener("click", openHelp);
$("give-up").addEventListener("click", () => $("sure").showModal());
$("sure-no").addEventListener("click", () => $("sure").close());
$("talk").addEventListener("submit", (event) => {
  event.preventDefault();
  sayIt();
});
$("say").addEventListener("input", () => showTalk(current(), ready()));
$("sure-yes").addEventListener("click", giveUp);
setInterval(tick, 250);
connect();

// The replay viewer: a match of a source (source.js), moment by moment, by buttons, keys, a slider and two lists.
// A place is `#match=3&tick=12` in the page's address; a match without a tick is shown from its start.
import { VirtualList } from "./list.js";
import { drawMoment, element, signed, summary } from "./moment.js";

const ICONS = {
  start: "M3 4h2v12H3z M15 4v12L6 10z",
  back: "M13 2l2 2-6 6 6 6-2 2-8-8z",
  play: "M6 3v14l11-7z",
  pause: "M5 4h4v12H5z M11 4h4v12h-4z",
  next: "M7 2L5 4l6 6-6 6 2 2 8-8z",
  end: "M14 4h2v12h-2z M4 4v12l9-6z",
};
const KEYS = "← → step, Home and End, Space plays, 1 to 9 set the speed, N and P change the match";

function icon(button, name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  button.replaceChildren(svg);
}

export class ReplayViewer {
  constructor(root, source) {
    this.source = source;
    this.at = -1; // place of the match in source.matches
    this.step = 0;
    this.speed = 2; // steps a second
    this.timer = 0;
    this.newest = true; // what is shown is the newest moment of all
    this.wanted = 0; // counts requests to show a moment: only the newest is drawn
    this.build(root);
    this.matches.set(source.matches.length);
    addEventListener("hashchange", () => this.follow());
    if (!this.follow() && source.matches.length) this.open(0, 0, false);
  }

  build(root) {
    const button = (label, name, act) => {
      const made = element("button", { type: "button", title: label, "aria-label": label, onclick: act });
      icon(made, name);
      return made;
    };
    this.title = element("h3", { className: "where" });
    this.title.setAttribute("aria-live", this.source.live ? "off" : "polite");
    this.picture = element("img", { className: "picture", hidden: true });
    this.missing = element("p", { className: "missing", textContent: "This page has no picture of this moment.", hidden: true });
    this.playing = button("play", "play", () => this.toggle());
    this.range = element("input", { type: "range", min: 0, step: 1, "aria-label": "moment" });
    this.range.addEventListener("input", () => this.show(Number(this.range.value)));
    this.pace = element("span", { className: "pace" });
    const bar = element("div", { className: "bar", role: "group", "aria-label": "Playback" },
      button("to the start", "start", () => this.show(0)), button("back", "back", () => this.show(this.step - 1)), this.playing,
      button("next", "next", () => this.show(this.step + 1)), button("to the end", "end", () => this.show(this.last)), this.pace);
    this.body = element("div", { className: "moment" });
    const matches = element("div", { id: "replay-matches" });
    const ticks = element("div", { id: "replay-moments" });
    this.matches = new VirtualList(matches, { label: "matches", draw: (at) => this.named(at), choose: (at) => this.open(at, 0) });
    this.moments = new VirtualList(ticks, { label: "moments of this match", draw: (step) => this.line(step), choose: (step) => this.show(step) });
    const list = (title, inner) => element("details", { open: true }, element("summary", { textContent: title }), inner);
    root.classList.add("replay");
    root.tabIndex = -1;
    root.replaceChildren(
      ...this.source.notes.map((text) => element("p", { className: "note", textContent: text })), this.title,
      element("div", { className: "replay-grid" },
        element("div", { className: "replay-stage" }, this.picture, this.missing, bar, this.range, element("p", { className: "replay-keys", textContent: KEYS })),
        this.body,
        element("div", { className: "lists" }, list("Moments", ticks), list("Matches", matches))));
    root.addEventListener("keydown", (event) => this.key(event));
    this.paced();
  }

  get match() { return this.source.matches[this.at]; }
  get last() { return this.match.moments - 1; }

  named(at) {
    const { match, game, seats, status, returns, faults } = this.source.matches[at];
    const scores = seats.map((name, seat) => `${name}${returns ? ` ${signed(returns[seat])}` : ""}`).join(", ");
    return `${match} · ${game} · ${scores}${status && status !== "terminated" ? ` · ${status}` : ""}${faults ? ` · ${faults} fault${faults === 1 ? "" : "s"}` : ""}`;
  }

  line(step) {
    const at = this.at;
    const held = this.source.held(at, step);
    if (held) return summary(held.moment);
    this.source.moment(at, step).then(() => {
      clearTimeout(this.redraw); // one for all rows of a piece
      this.redraw = setTimeout(() => this.at === at && this.moments.refresh());
    });
    return null;
  }

  // Goes to the place that the address names; whether it names one that is here.
  follow() {
    const place = new URLSearchParams(location.hash.slice(1));
    if (!place.has("match")) return false;
    const at = this.source.matches.findIndex((one) => one.match === Number(place.get("match")));
    if (at < 0) {
      this.title.textContent = `Match ${place.get("match")} is not on this page`;
      return false;
    }
    this.open(at, place.has("tick") ? Number(place.get("tick")) + 1 : 0, false);
    this.title.scrollIntoView({ block: "start" });
    return true;
  }

  open(at, step = 0, link = true) {
    if (at < 0 || at >= this.source.matches.length) return;
    this.at = at;
    this.matches.select(at);
    this.moments.set(this.match.moments);
    this.range.max = Math.max(0, this.last);
    this.show(step, link);
  }

  // The source has more than before; of the match that is shown it has dropped this many moments at the start. Who looks
  // at the newest moment goes on to the one that is the newest now.
  grow(dropped = 0) {
    this.matches.grow(this.source.matches.length);
    const end = this.source.matches.length - 1;
    if (this.newest && this.at !== end) return this.open(end, this.source.matches[end].moments - 1, false);
    this.moments.grow(this.match.moments);
    this.range.max = Math.max(0, this.last);
    if (this.newest) return this.show(this.last, false);
    if (dropped) return this.show(this.step - dropped, false);
    return undefined;
  }

  async show(step, link = true) {
    if (this.at < 0 || !this.match.moments) return;
    const { at } = this;
    const number = ++this.wanted;
    const place = Math.min(Math.max(0, Math.trunc(step) || 0), this.last);
    const shown = await this.source.moment(at, place);
    if (number !== this.wanted) return;
    this.step = place;
    this.newest = place === this.last && at === this.source.matches.length - 1;
    const { match, game, block, cut } = this.match;
    const played = this.source.live ? shown.moment.tick : place ? place - 1 : null;
    const tick = played === null ? "start" : `tick ${played}${this.source.live ? "" : ` of ${this.last}`}`;
    this.title.textContent = `${game} · match ${match}${block === undefined ? "" : `, block ${block}`} · ${tick}${cut && place === this.last ? " · later moments are left out" : ""}`;
    this.range.value = place;
    this.range.setAttribute("aria-valuetext", tick);
    const pictured = shown.picture !== undefined;
    if (pictured) this.picture.src = this.source.picture(shown.picture);
    this.picture.alt = `The game for spectators, match ${match}, ${tick}`;
    this.picture.hidden = !pictured;
    this.missing.hidden = pictured;
    this.body.replaceChildren(...drawMoment(shown, (name) => this.source.picture(name)));
    this.moments.select(place);
    if (link && !this.source.live) history.replaceState(null, "", place ? `#match=${match}&tick=${place - 1}` : `#match=${match}`);
  }

  toggle() {
    if (this.timer) {
      clearTimeout(this.timer);
      this.timer = 0;
    } else {
      if (this.step === this.last) this.show(0);
      this.wait();
    }
    this.paced();
  }

  wait() {
    this.timer = setTimeout(async () => {
      if (this.step >= this.last) return this.toggle();
      await this.show(this.step + 1);
      if (this.timer) this.wait();
    }, 1000 / this.speed);
  }

  paced() {
    icon(this.playing, this.timer ? "pause" : "play");
    this.playing.setAttribute("aria-label", this.timer ? "pause" : "play");
    this.pace.textContent = `${this.speed} a second`;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const slider = event.target === this.range; // has arrows, Home and End of its own
    const { key } = event;
    if (key === "ArrowRight" && !slider) this.show(this.step + 1);
    else if (key === "ArrowLeft" && !slider) this.show(this.step - 1);
    else if (key === "Home" && !slider) this.show(0);
    else if (key === "End" && !slider) this.show(this.last);
    else if (key === " " && !event.target.closest("button, summary")) this.toggle();
    else if (key === "n") this.open(this.at + 1);
    else if (key === "p") this.open(this.at - 1);
    else if (key >= "1" && key <= "9") {
      this.speed = Number(key);
      this.paced();
    } else return;
    event.preventDefault();
  }
}

// The page of who only watches: the replay viewer of reports, over the moments that come in.
import { ReplayViewer } from "/viewer/viewer.js";
import { $, gameName, put } from "./parts.js";

const MOST_MOMENTS = 1000; // of one match; the oldest go first
const MOST_WHOLE = 20; // matches whose moments are kept; of older ones the end is
const MOST_PICTURES = 200; // each up to about 100 kB

// As arena/report/viewer/source.js describes it. A moment is there once its picture is.
class LiveSource {
  constructor() {
    this.live = true;
    this.notes = [];
    this.matches = [];
    this.shown = []; // moments by place in `matches`
    this.pictured = []; // moments with a picture, oldest first
    this.update = null; // what was told last
    this.came = null; // the picture that came last
  }

  held(at, step) { return this.shown[at][step]; }
  async moment(at, step) { return this.shown[at][step]; }
  picture(url) { return url; }

  // Adds what was told last, if all of it is there. Gives how many moments were dropped at the start of that match, or
  // null where nothing was added.
  add() {
    const { update, came } = this;
    const pictured = update.picture !== null;
    if (pictured && (came?.key !== update.key || came.number !== update.picture)) return null;
    let at = this.matches.length - 1;
    const seats = update.seats.map((seat) => seat.name);
    if (at < 0 || this.matches[at].match !== update.match) {
      at = this.matches.push({ match: update.match, game: gameName(update.game), seats, moments: 0, status: "", faults: 0 }) - 1;
      this.shown.push([]);
      this.forget(at - MOST_WHOLE);
    }
    const match = this.matches[at];
    const moments = this.shown[at];
    if (pictured && moments.at(-1)?.picture === came.url) return null;
    const { tick, events, result } = update;
    const shown = { moment: { live: true, seats, tick: tick ? tick - 1 : null, events, result }, tick };
    if (moments.at(-1)?.tick === tick) this.drop([moments.pop()]);
    moments.push(shown);
    const dropped = moments.length > MOST_MOMENTS ? this.drop(moments.splice(0, moments.length - MOST_MOMENTS)) : 0;
    match.moments = moments.length;
    if (result) [match.status, match.returns] = [result.status, result.returns];
    if (pictured) {
      shown.picture = came.url;
      this.pictured.push(shown);
      this.drop(this.pictured.slice(0, Math.max(0, this.pictured.length - MOST_PICTURES)));
    }
    return dropped;
  }

  // Of a match that was long ago the end is enough.
  forget(at) {
    if (at < 0) return;
    this.drop(this.shown[at].splice(0, this.shown[at].length - 1));
    this.matches[at].moments = this.shown[at].length;
  }

  // Frees the pictures of these moments; gives how many moments they are.
  drop(moments) {
    for (const one of moments.filter((moment) => moment.picture)) {
      URL.revokeObjectURL(one.picture);
      delete one.picture;
    }
    this.pictured = this.pictured.filter((one) => one.picture);
    return moments.length;
  }
}

export class Watching {
  constructor() {
    this.source = new LiveSource();
    this.viewer = null;
  }

  // state: what the arena says. Gives whether this is a page of somebody who only watches.
  follow(state) {
    if (!state.spectator) return false;
    document.body.classList.add("spectator");
    $("watching").hidden = !this.viewer;
    document.querySelector(".stage").hidden = Boolean(this.viewer);
    const update = state.updates.at(-1);
    if (!update) {
      put("where", state.stopped ? "The arena has finished" : "You look on. Waiting for a match");
      return true;
    }
    put("game", gameName(update.game));
    const end = state.stopped ? `. The arena ${state.stopped === "finished" ? "has finished" : "was stopped"}` : "";
    put("where", `Match ${update.match}${update.over ? " - over" : ""}${end}`);
    this.source.update = update;
    this.grow(() => {});
    return true;
  }

  // A picture: {key, number, url, drawn}. drawn() asks for the next one, once this one is on the screen.
  give(picture) {
    const before = this.source.came;
    this.source.came = picture;
    if (!this.grow(picture.drawn)) picture.drawn();
    if (before && !this.source.pictured.some((one) => one.picture === before.url)) URL.revokeObjectURL(before.url);
  }

  // Gives whether `drawn` will be called.
  grow(drawn) {
    const dropped = this.source.update ? this.source.add() : null;
    if (dropped === null) return false;
    if (!this.viewer) {
      this.viewer = new ReplayViewer($("watching"), this.source);
      $("watching").hidden = false;
      document.querySelector(".stage").hidden = true;
    }
    const waits = this.viewer.newest && Boolean(this.source.came);
    if (waits) {
      this.viewer.picture.addEventListener("load", drawn, { once: true });
      this.viewer.picture.addEventListener("error", drawn, { once: true });
    }
    this.viewer.grow(dropped);
    return waits;
  }
}

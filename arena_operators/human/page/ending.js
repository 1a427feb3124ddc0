// The end of a hand or a match is seen before the next begins: for three seconds, or until the person goes on.

const PAUSE_MS = 3000;

export class Ending {
  // `changed()` is called when it is over.
  constructor(changed) {
    this.changed = changed;
    this.table = null; // what is shown meanwhile, as it was at the end
    this.picture = null; // of a hand: the page has a newer one already
    this.hand = null; // how the hand ended, as a result is told
    this.timer = 0;
    this.ended = 0; // number of the last match that ended before this page's eyes
    this.since = 0;
  }

  // From the state `before` to `after`; `selected` is the table that the person looks at.
  follow(before, after, selected, pictureOf) {
    const last = after.last?.number ?? 0;
    if (before && last > (before.last?.number ?? 0)) {
      this.ended = last;
      this.since = performance.now();
    }
    const left = this.since + PAUSE_MS - performance.now();
    const fresh = after.ended?.number === this.ended && after.ended.key === selected && left > 0;
    if (fresh && this.ended) return this.show(after.ended, left);
    if (this.table && this.hand === null && after.ended?.key === this.table.key) this.table = after.ended; // its last look came
    const was = before?.tables.find((table) => table.key === selected);
    const is = after.tables.find((table) => table.key === selected);
    if (!was?.hand || !is || is.request === null || is.over || is.hand === was.hand || !is.lastHand.length || this.table) return;
    this.hand = { title: `Hand ${was.hand.split(" ")[0]} is over`, headline: "", details: is.lastHand, rows: [], number: `hand ${was.hand}`, verdict: "over" };
    this.picture = pictureOf(selected) ?? null;
    this.show({ ...was, request: null, over: true, deadline: null }, PAUSE_MS);
  }

  show(table, left) {
    clearTimeout(this.timer);
    this.table = table;
    this.timer = setTimeout(() => this.next(), left);
  }

  keeps(picture) {
    return this.picture === picture;
  }

  over() {
    clearTimeout(this.timer);
    if (this.picture) URL.revokeObjectURL(this.picture.url);
    this.table = this.picture = this.hand = null;
    this.ended = 0;
  }

  next() {
    this.over();
    this.changed();
  }
}

// Playing by held keys: what is held, which action that is, and when it is the answer. No drawing here.

const CHORD_MS = 40; // after a press, so long more fingers may follow before it is an answer
const TICK_MS = 125; // a decision, where the game has no clock of its own
// When a question of a game that waits for nobody is answered, in ticks after it came: as late as possible, since
// what is held then counts, but earlier from now on after an answer that was late.
const EARLY = { most: 0.4, less: 0.15, more: 0.01 };
const TABS_MS = 2000; // so long after an answer of a tab that is seen, one that is not goes along
const OPPOSITE = { left: "right", right: "left", up: "down", down: "up" };

const now = () => performance.now();

// The action that holds the most of what is held and nothing else; of equal ones the first.
export function actionOf(actions, held) {
  const fits = actions.filter((action) => action.buttons.every((button) => held.has(button)));
  return fits.reduce((best, one) => (one.buttons.length > best.buttons.length ? one : best), fits[0]) ?? null;
}

export class Held {
  // `send(action, request)` answers; `changed()` is called when what this shows has changed.
  constructor(send, changed) {
    this.send = send;
    this.changed = changed;
    this.down = new Map(); // button -> what holds it (keys, fingers)
    this.order = []; // buttons in the order in which they were pressed
    this.tapped = new Set(); // pressed since the last answer, perhaps let go of again
    this.live = true; // answers by itself as time goes on; else only while something is held
    this.begun = null; // key of the table at which the person has begun
    this.paused = false;
    this.once = false; // one decision with what is held, whatever else
    this.pressed = -Infinity; // when the last button went down
    this.sent = -Infinity;
    this.asked = -Infinity;
    this.early = EARLY.most;
    this.table = null; // null: nothing is asked, or the table is not played by held keys
    this.timer = 0;
    this.action = null; // of the last answer, for the page
    this.elsewhere = -Infinity; // when another tab of this browser, of another seat, answered last
    this.tabs = new BroadcastChannel("arena-tabs");
    this.tabs.onmessage = () => {
      this.elsewhere = now();
      this.plan();
    };
  }

  get buttons() {
    return [...new Set((this.table?.played.actions ?? []).flatMap((action) => action.buttons))];
  }

  get realtime() {
    return this.table?.played.pace === "realtime";
  }

  // Milliseconds of a decision.
  get tick() {
    return 1000 * (this.table?.played.seconds ?? TICK_MS / 1000);
  }

  get waits() {
    return this.live && this.begun !== this.table?.key;
  }

  // The table as it is now; `open`: its question can be answered.
  follow(table, open) {
    if (open && table.request !== this.table?.request) {
      const ticks = (now() - this.asked) / this.tick;
      this.early = ticks > 1.5 && ticks < 5 ? Math.max(0, this.early - EARLY.less) : Math.min(EARLY.most, this.early + EARLY.more);
      this.asked = now();
    }
    if (table?.key !== this.table?.key) this.release();
    this.table = table;
    this.open = open;
    this.plan();
  }

  press(button, by) {
    const known = this.down.get(button) ?? new Set();
    if (known.has(by)) return;
    this.down.set(button, known.add(by));
    this.order = [...this.order.filter((one) => one !== button), button];
    this.tapped.add(button);
    this.pressed = now();
    if (!this.paused) this.begin();
    this.plan();
    this.changed();
  }

  letGo(button, by) {
    const known = this.down.get(button);
    if (!known?.delete(by)) return;
    if (known.size === 0) this.down.delete(button);
    this.plan();
    this.changed();
  }

  // The keys are not ours any more (another window, a dialog).
  release() {
    this.down.clear();
    this.tapped.clear();
    this.order = [];
    this.changed();
  }

  begin() {
    this.begun = this.table?.key ?? null;
  }

  resume() {
    this.begin();
    this.pause(false);
  }

  pause(on = !this.paused) {
    this.paused = on;
    this.plan();
    this.changed();
  }

  step() {
    this.once = true;
    this.plan();
  }

  toggleLive() {
    this.live = !this.live;
    this.paused = false;
    if (this.live) this.begin();
    this.plan();
    this.changed();
  }

  // What counts as held: also what was tapped between two answers; of two opposite ones the later.
  held() {
    const all = new Set([...this.down.keys(), ...this.tapped]);
    for (const button of this.order.toReversed()) if (all.has(button)) all.delete(OPPOSITE[button]);
    return all;
  }

  // Milliseconds until the question is to be answered; Infinity: not by itself.
  due() {
    if (!this.table || !this.open) return Infinity;
    if (this.once) return 0;
    if (this.waits) return Infinity;
    if (this.realtime) return document.hidden ? 0 : this.asked + this.early * this.tick - now();
    if (this.paused) return Infinity;
    // Out of update it goes along with a tab that is seen, holding nothing, or else waits. (Timers are slow there.)
    if (document.hidden) return this.live && now() - this.elsewhere < TABS_MS ? 0 : Infinity;
    const paced = this.sent + this.tick - now();
    if (this.live) return paced;
    return this.held().size ? Math.max(paced, this.pressed + CHORD_MS - now()) : Infinity;
  }

  plan() {
    clearTimeout(this.timer);
    const left = this.due();
    if (left <= 0) this.reply();
    else if (left < Infinity) this.timer = setTimeout(() => this.plan(), left);
  }

  reply() {
    const action = actionOf(this.table.played.actions, this.held());
    if (action === null) return;
    this.once = this.open = false;
    this.tapped.clear();
    this.action = action;
    this.sent = now();
    this.send(action, this.table.request);
    if (!document.hidden) this.tabs.postMessage(null);
  }
}

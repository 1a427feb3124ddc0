// Where the viewer's matches come from. This source reads the elements of a report; the page of who watches a run has its
// own (arena_operators/human/page/live.js):
//   matches            what there is: {match, game, seats, moments, status, returns, ...}, as ShownMatch in replays.py
//   notes              what was left out, in words
//   moment(at, step)   a promise of one ShownMoment of matches[at]
//   held(at, step)     the same at once if it is in memory, else null
//   picture(name)      the URL of a picture
//   live               true where it grows: then viewer.grow() is called, and the address of the page stays
const MOST_PIECES = 8; // that are kept decoded

export class PageSource {
  constructor(root = document) {
    this.root = root;
    const index = JSON.parse(root.getElementById("replay-index").textContent);
    this.matches = index.matches;
    this.notes = index.notes;
    this.size = index.piece;
    this.pieces = new Map(); // promises by name, the one that was used last at the end
    this.decoded = new Map();
  }

  held(at, step) {
    const piece = this.decoded.get(this.matches[at].pieces[Math.floor(step / this.size)]);
    return piece ? piece[step % this.size] : null;
  }

  async moment(at, step) {
    const name = this.matches[at].pieces[Math.floor(step / this.size)];
    const loading = this.pieces.get(name) ?? this.load(name);
    this.pieces.delete(name);
    this.pieces.set(name, loading);
    while (this.pieces.size > MOST_PIECES) {
      const oldest = this.pieces.keys().next().value;
      this.pieces.delete(oldest);
      this.decoded.delete(oldest);
    }
    return (await loading)[step % this.size];
  }

  async load(name) {
    const text = this.root.getElementById(`piece-${name}`).textContent;
    const packed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const piece = await new Response(stream).json();
    if (this.pieces.has(name)) this.decoded.set(name, piece);
    return piece;
  }

  picture(name) {
    return `data:image/webp;base64,${this.root.getElementById(`picture-${name}`).textContent}`;
  }
}

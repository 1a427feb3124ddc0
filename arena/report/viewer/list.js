// A list of any length in bounded memory: only the rows in sight are in the document. All rows have one height.
const SPARE = 6; // rows above and below what is in sight

export class VirtualList {
  // draw(index) gives a row's text, or null while it is not known; choose(index) is called for the row that is chosen.
  constructor(element, { label, rowHeight = 32, draw, choose }) {
    this.element = element;
    this.rowHeight = rowHeight;
    this.draw = draw;
    this.length = 0;
    this.selected = -1;
    element.classList.add("list");
    element.tabIndex = 0;
    element.setAttribute("role", "listbox");
    element.setAttribute("aria-label", label);
    this.inner = document.createElement("div");
    this.inner.className = "list-inner";
    this.inner.setAttribute("role", "presentation");
    element.replaceChildren(this.inner);
    element.addEventListener("scroll", () => this.refresh(), { passive: true });
    element.addEventListener("click", (event) => {
      const row = event.target.closest("[data-index]");
      if (row) choose(Number(row.dataset.index));
    });
    element.addEventListener("keydown", (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10 }[event.key];
      if (!step || !this.length) return;
      event.preventDefault();
      event.stopPropagation();
      choose(Math.min(this.length - 1, Math.max(0, this.selected + step)));
    });
    new ResizeObserver(() => this.refresh()).observe(element);
  }

  set(length) {
    this.selected = -1;
    this.element.scrollTop = 0;
    this.grow(length);
  }

  // More rows; what is selected and in sight stays so.
  grow(length) {
    this.length = length;
    this.inner.style.height = `${length * this.rowHeight}px`;
    this.refresh();
  }

  // Marks a row, and scrolls this list alone so that it is in sight.
  select(index) {
    this.selected = index;
    const top = index * this.rowHeight;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.rowHeight > scrollTop + clientHeight) this.element.scrollTop = top + this.rowHeight - clientHeight;
    this.refresh();
  }

  refresh() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / this.rowHeight) - SPARE);
    const end = Math.min(this.length, Math.ceil((scrollTop + clientHeight) / this.rowHeight) + SPARE);
    const rows = [];
    let active = "";
    for (let index = first; index < end; index++) {
      const row = document.createElement("div");
      row.className = "row";
      row.id = `${this.element.id}-${index}`;
      row.dataset.index = index;
      row.style.top = `${index * this.rowHeight}px`;
      row.style.height = `${this.rowHeight}px`;
      row.setAttribute("role", "option");
      row.setAttribute("aria-posinset", index + 1);
      row.setAttribute("aria-setsize", this.length);
      row.setAttribute("aria-selected", String(index === this.selected));
      row.textContent = this.draw(index) ?? "…";
      if (index === this.selected) active = row.id;
      rows.push(row);
    }
    this.inner.replaceChildren(...rows);
    if (active) this.element.setAttribute("aria-activedescendant", active);
    else this.element.removeAttribute("aria-activedescendant");
  }
}

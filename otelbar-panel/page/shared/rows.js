// Rows of equal height of which only those in sight exist, so that 5,000 cost what 50 do. Rows keep their elements
// across updates: what is being clicked, hovered or selected is not replaced under the pointer.

const OVERSCAN = 8;

/** @template Row */
export class Rows {
  #scroller;
  #height;
  #key;
  #signature;
  #create;
  #patch;
  /** @type {Row[]} */
  #rows = [];
  /** @type {Map<string | number, { element: HTMLElement, signature: string | number, index: number }>} */
  #shown = new Map();
  #scheduled = false;

  /**
   * `scroller` scrolls and holds `body`. `create(row)` makes a row's element, `patch(element, row)` brings it up to date;
   * an element is kept while `key(row)` and `signature(row)` stay the same.
   *
   * @param {{
   *   scroller: HTMLElement,
   *   body: HTMLElement,
   *   height: number,
   *   key: (row: Row) => string | number,
   *   signature: (row: Row) => string | number,
   *   create: (row: Row) => HTMLElement,
   *   patch: (element: HTMLElement, row: Row) => void,
   * }} options
   */
  constructor({ scroller, body, height, key, signature, create, patch }) {
    this.#scroller = scroller;
    this.body = body;
    this.#height = height;
    this.#key = key;
    this.#signature = signature;
    this.#create = create;
    this.#patch = patch;
    body.classList.add("rows");
    scroller.addEventListener("scroll", () => this.#schedule(), { passive: true });
    this.observer = new ResizeObserver(() => this.#schedule());
    this.observer.observe(scroller);
  }

  get rows() {
    return this.#rows;
  }

  /**
   * Shows other rows. With `anchored` what is in sight stays where it is when rows come in above it.
   *
   * @param {Row[]} rows
   * @param {{ anchored?: boolean }} [options]
   */
  update(rows, { anchored = false } = {}) {
    const top = this.#scroller.scrollTop;
    const first = anchored && top > 0 ? this.#rows[Math.floor(top / this.#height)] : undefined;
    const firstAt = first === undefined ? -1 : this.#rows.indexOf(first);
    this.#rows = rows;
    this.body.style.height = `${rows.length * this.#height}px`;
    if (first !== undefined) {
      const key = this.#key(first);
      const now = rows.findIndex((row) => this.#key(row) === key);
      if (now >= 0 && now !== firstAt) this.#scroller.scrollTop = top + (now - firstAt) * this.#height;
    }
    this.render();
  }

  /** Brings the rows in sight up to date. */
  render() {
    const top = this.#scroller.scrollTop - this.body.offsetTop;
    const from = Math.max(0, Math.floor(top / this.#height) - OVERSCAN);
    const to = Math.min(
      this.#rows.length,
      Math.ceil((top + this.#scroller.clientHeight) / this.#height) + OVERSCAN,
    );
    const wanted = new Map();
    for (let index = from; index < to; index += 1) wanted.set(this.#key(this.#rows[index]), index);
    for (const [key, entry] of this.#shown) {
      const index = wanted.get(key);
      if (index === undefined || this.#signature(this.#rows[index]) !== entry.signature) {
        entry.element.remove();
        this.#shown.delete(key);
      }
    }
    for (const [key, index] of wanted) {
      const row = this.#rows[index];
      let entry = this.#shown.get(key);
      if (entry === undefined) {
        entry = { element: this.#create(row), signature: this.#signature(row), index: -1 };
        this.#shown.set(key, entry);
        this.body.append(entry.element);
      }
      if (entry.index !== index) {
        entry.element.style.transform = `translateY(${index * this.#height}px)`;
        entry.element.setAttribute("aria-rowindex", String(index + 2));
        entry.index = index;
      }
      this.#patch(entry.element, row);
    }
  }

  /**
   * Scrolls as little as needed for a row to be in full sight; with `centre` into the middle when it was not.
   *
   * @param {number} index
   * @param {{ centre?: boolean }} [options]
   */
  reveal(index, { centre = false } = {}) {
    if (index < 0) return;
    const sticky = this.body.offsetTop;
    const top = index * this.#height;
    const view = this.#scroller.clientHeight - sticky;
    const at = this.#scroller.scrollTop;
    if (top >= at && top + this.#height <= at + view) return;
    if (centre) this.#scroller.scrollTop = top - view / 2;
    else this.#scroller.scrollTop = top < at ? top : top + this.#height - view;
    this.render();
  }

  /** How many rows are in sight, for Page Up and Page Down. */
  get pageSize() {
    return Math.max(1, Math.floor(this.#scroller.clientHeight / this.#height) - 2);
  }

  destroy() {
    this.observer.disconnect();
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.render();
    });
  }
}

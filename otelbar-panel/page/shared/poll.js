// Asking again and again, but only while somebody is looking.

/** Calls `task` at once and then `interval()` milliseconds after each end of it, while the page is visible and not paused. */
export class Poll {
  #task;
  #interval;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #running = false;
  #stopped = false;
  #paused = false;
  #controller = new AbortController();

  /**
   * @param {(signal: AbortSignal) => Promise<void>} task
   * @param {() => number | null} interval null for no further call
   */
  constructor(task, interval) {
    this.#task = task;
    this.#interval = interval;
    this.onVisibility = () => {
      if (!document.hidden && !this.#paused) this.now();
    };
    document.addEventListener("visibilitychange", this.onVisibility);
  }

  get paused() {
    return this.#paused;
  }

  set paused(paused) {
    this.#paused = paused;
    if (!paused) this.now();
  }

  /** Asks now, unless an answer is being waited for already. */
  async now() {
    clearTimeout(this.#timer);
    if (this.#running || this.#stopped || document.hidden) return;
    this.#running = true;
    try {
      await this.#task(this.#controller.signal);
    } finally {
      this.#running = false;
      const delay = this.#interval();
      if (!this.#stopped && !this.#paused && delay !== null)
        this.#timer = setTimeout(() => this.now(), delay);
    }
  }

  /** Ends it for good, and with it the call under way. */
  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#controller.abort();
    document.removeEventListener("visibilitychange", this.onVisibility);
  }
}

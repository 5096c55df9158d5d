// Keeps the numbers fresh: fetches this page again and puts what is new in its place. Without it the page
// is the same, as of when it was loaded.
"use strict";
(() => {
  const EVERY = 5000;
  const GIVE_UP = 4000;
  const button = document.getElementById("pause");
  const note = document.getElementById("updated");
  // Who asked for less motion gets none unasked.
  let paused = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let timer = 0;
  let asOf = new Date();

  const clock = (time) => time.toLocaleTimeString();
  // Only what is new is written, so that it is read out once.
  const say = (text) => { if (note.textContent !== text) note.textContent = text; };

  // Whether somebody is about to copy something of it.
  const isSelected = (section) => {
    const selection = getSelection();
    return selection && !selection.isCollapsed && selection.containsNode(section, true);
  };

  const replace = (old, fresh) => {
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    const scrolled = [...old.querySelectorAll(".scroll[id]")].map((box) => [box.id, box.scrollLeft]);
    if (old.getAttribute("role") === "status") {
      // The element that is read out has to stay.
      old.className = fresh.className;
      old.replaceChildren(...fresh.childNodes);
    } else {
      old.replaceWith(fresh);
    }
    for (const [id, left] of scrolled) {
      const box = document.getElementById(id);
      if (box) box.scrollLeft = left;
    }
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  };

  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store", signal: AbortSignal.timeout(GIVE_UP) });
    if (!answer.ok) throw new Error("status " + answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (paused) return;
    document.title = fresh.title;
    for (const old of document.querySelectorAll("[data-live][id]")) {
      const same = fresh.getElementById(old.id);
      if (same && same.outerHTML !== old.outerHTML && !isSelected(old)) replace(old, document.adoptNode(same));
    }
    asOf = new Date();
  };

  const next = () => {
    clearTimeout(timer);
    if (!paused && !document.hidden) timer = setTimeout(turn, EVERY);
  };

  const turn = async () => {
    try {
      await refresh();
      if (!paused) say("Updates every " + EVERY / 1000 + " s");
    } catch {
      if (!paused) say("No answer: what you see is from " + clock(asOf) + ". Trying again.");
    }
    next();
  };

  const show = () => {
    button.setAttribute("aria-pressed", String(paused));
    say(paused ? "Paused; from " + clock(asOf) : "Updates every " + EVERY / 1000 + " s");
  };

  button.addEventListener("click", () => {
    paused = !paused;
    show();
    if (paused) clearTimeout(timer); else turn();
  });
  document.addEventListener("visibilitychange", () => { if (document.hidden || paused) clearTimeout(timer); else turn(); });

  document.getElementById("updates").hidden = false;
  show();
  next();
})();

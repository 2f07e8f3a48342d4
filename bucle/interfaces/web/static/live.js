// Keeps the page true: fetches it again every two seconds and changes only what differs, so that
// nothing flickers, scroll and focus stay, and a hidden page asks for nothing.
"use strict";

(() => {
  const every = Number(document.body.dataset.live) || 2000;
  let tag = "", timer = 0, failures = 0;

  const differs = (a, b) => a.nodeType !== b.nodeType || a.nodeName !== b.nodeName ||
    (a.id || "") !== (b.id || "");

  function attributes(from, to) {
    for (const { name } of [...from.attributes])
      if (!to.hasAttribute(name) && !(name === "open")) from.removeAttribute(name);
    for (const { name, value } of to.attributes)
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
  }

  function morph(from, to) {
    if (from.isEqualNode(to)) return;
    if (from.nodeType !== Node.ELEMENT_NODE) {
      if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
      return;
    }
    attributes(from, to);
    const wanted = new Map();
    for (const child of from.children) if (child.id) wanted.set(child.id, child);
    let old = from.firstChild;
    for (const child of [...to.childNodes]) {
      const kept = child.id && wanted.get(child.id);
      if (kept && kept !== old) {
        from.insertBefore(kept, old);
        morph(kept, child);
      } else if (!old || differs(old, child)) {
        const fresh = document.importNode(child, true);
        if (fresh.nodeType === Node.ELEMENT_NODE && fresh.matches("li[id], tr[id]"))
          fresh.classList.add("fresh");
        from.insertBefore(fresh, old);
      } else {
        const next = old.nextSibling;
        morph(old, child);
        old = next;
      }
    }
    while (old) {
      const next = old.nextSibling;
      old.remove();
      old = next;
    }
  }

  async function refresh() {
    try {
      const answer = await fetch(location.href, {
        headers: tag ? { "if-none-match": tag } : {}, cache: "no-store", credentials: "same-origin",
      });
      if (answer.redirected) { location.reload(); return; }
      failures = 0;
      if (answer.status === 200) {
        tag = answer.headers.get("etag") || "";
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const id of ["clock", "content"]) {
          const from = document.getElementById(id), to = page.getElementById(id);
          if (from && to) morph(from, to);
        }
      }
    } catch {
      failures += 1;
    }
    document.body.classList.toggle("offline", failures > 1);
    plan();
  }

  function plan() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(refresh, Math.min(every * 2 ** failures, 30000));
  }

  document.addEventListener("visibilitychange", () => document.hidden ? clearTimeout(timer) : refresh());
  plan();
})();

// Events of the map and of our own buttons, as custom messages: those are queued, traits would be merged.
// The lasso is drawn here and tested in Python: Plotly's own would gather all points at every move of the mouse.
const FINGER = 14, HOVER_MS = 60, TICK_MS = 300, BUSY_MS = 300, FIT_MS = 250, PAINT_MS = 100, LOST_MS = 3000;

function render({ model, el }) {
  el.style.display = "none";
  const quit = new AbortController(), on = { signal: quit.signal };
  let root = null, plot = null, timer = null;

  const shown = () => root.querySelector("[data-asked]")?.dataset.asked ?? "";  // what the page shows: an answer is about that
  const send = (content, buffers) => {
    if (!["hover", "tick", "ready", "fit"].includes(content.kind)) working(1);
    try { model.send(content, undefined, buffers); }
    catch (error) { root?.classList.add("mmx-dead"); throw error; }  // the kernel was restarted; style.css says what to do
  };

  const attach = async () => {
    if (quit.signal.aborted) return;
    root = el.closest("." + model.get("target"));
    plot = root?.querySelector(".js-plotly-plot");
    if (!plot?.on || !plot._fullLayout?.xaxis || !plot._fullData?.length) { timer = setTimeout(attach, 50); return; }
    await listen();
    if (quit.signal.aborted) return;
    for (const name of ["selected", "selecting", "deselect", "click", "hover", "unhover"]) plot.removeAllListeners("plotly_" + name);
    root.dataset.lmSuppressShortcuts = "true";  // JupyterLab would take "d d" for "delete the cell"
    plot.tabIndex = 0;
    plot.setAttribute("role", "application");
    plot.setAttribute("aria-label", model.get("label"));
    hovering(); drawing(); pressing(); marking(); fitting(); naming(); ticking();
    model.on("change:waiting", ticking);
    root.classList.add("mmx-ready");
    send({ kind: "ready" });
  };

  // anywidget drops all messages to a model whose module took more than 2 s to load, for good, and Plotly's has 5 MB.
  // Once the map is drawn, messages go the way that ipywidgets has for them.
  const listen = async () => {
    for (const id of model.get("models")) {
      const widget = await model.widget_manager?.get_model(id);
      apart(widget);
      let kind = widget;
      while (kind && !Object.hasOwn(kind, "_handle_comm_msg")) kind = Object.getPrototypeOf(kind);
      const handle = kind && Object.getPrototypeOf(kind)._handle_comm_msg;
      if (handle) widget.comm?.on_msg(async message => { await panels; await handle.call(widget, message); });
    }
  };

  // Plotly leaves the listeners of a view that is gone on the model, where they throw: the other views hear of the change all the same.
  const apart = widget => {
    for (const [name, listeners] of Object.entries(widget?._events ?? {})) {
      if (!name.startsWith("change:_py2js_")) continue;
      for (const listener of listeners) {
        const call = listener.callback;
        if (call._callback) continue;
        listener.callback = function (...values) {
          try { return call.apply(this, values); } catch (error) { console.warn("a view of the map that is gone:", error); }
        };
        listener.callback._callback = call;  // what Backbone looks for when it removes one
      }
    }
  };

  // A map of many dots keeps the page busy for long: what the panels say is painted before it.
  let panels = null;
  const painting = changes => {
    if (changes.every(change => plot.contains(change.target))) return;
    panels ??= new Promise(done => {
      requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done)));  // the second frame follows what the first one drew
      setTimeout(done, PAINT_MS);  // a page that nobody sees paints nothing
    }).then(() => { panels = null; });
  };

  // ---- what is under the mouse: one question at a time, the latest only
  let under = null, asked = null, waiting = false, mouse = [0, 0], tip = null;
  const ask = () => {
    if (waiting || under === null || under === asked) return;
    waiting = true;
    setTimeout(() => {
      asked = under;
      if (asked === null) waiting = false; else send({ kind: "hover", row: asked });
    }, HOVER_MS);
  };
  const hide = () => { under = asked = null; tip.hidden = true; };
  const place = () => {  // over the map alone: the gallery beside it stays free
    const box = root.getBoundingClientRect(), on = plot.getBoundingClientRect(), w = tip.offsetWidth, h = tip.offsetHeight;
    const x = mouse[0] + 16 + w > on.right ? mouse[0] - w - 16 : mouse[0] + 16;
    tip.style.left = Math.max(on.left, Math.min(x, on.right - w)) - box.left + "px";
    tip.style.top = Math.max(on.top, Math.min(mouse[1] - h / 2, on.bottom - h)) - box.top + "px";
  };
  const hovering = () => {
    tip = document.createElement("div");
    tip.className = "mmx-tip"; tip.hidden = true; tip.setAttribute("role", "tooltip");
    root.append(tip);
    plot.on("plotly_hover", d => {
      const point = d.points.find(p => p.curveNumber === 0);
      if (!point) return;
      under = point.pointIndex; mouse = [d.event.clientX, d.event.clientY]; ask();
    });
    plot.on("plotly_unhover", hide);
    plot.on("plotly_click", d => { const p = d.points.find(p => p.curveNumber === 0); if (p) click(p.pointIndex, d.event); });
    plot.addEventListener("mouseleave", hide, on);
    plot.addEventListener("wheel", e => { if (!plot.contains(document.activeElement)) e.stopPropagation(); }, { ...on, capture: true });  // else the page scrolls
  };
  const click = (row, event) => { hide(); send({ kind: "click", row, mode: modeOf(event) }); };
  const modeOf = event => event.shiftKey ? "add" : event.altKey ? "remove" : model.get("mode");

  // ---- lasso and box: lasso.js draws them
  const drawing = () => {
    const inData = corners => {
      const { xaxis: x, yaxis: y } = plot._fullLayout;
      return Float64Array.from(corners.flatMap(([a, b]) => [x.p2d(a - x._offset), y.p2d(b - y._offset)])).buffer;
    };
    const tell = (kind, corners, e) => send({ kind, mode: modeOf(e), version: model.get("version") }, [inData(corners)]);
    drawOutline(plot, {
      on, tool: () => model.get("tool"), mine: e => e.target.closest?.(".nsewdrag"),
      ended: (corners, e) => tell(model.get("tool"), corners, e),
      tapped: (at, e) => under !== null ? click(under, e) : tell("tap", [at, [at[0] + FINGER, at[1]]], e),
    });
  };

  // ---- keys, buttons and fields; what has the focus keeps it when Python writes the panel anew
  let held = null;
  const pressing = () => {
    root.addEventListener("keydown", e => {
      if (e.target.closest("input, textarea, select, [contenteditable]")) {
        const field = e.target.closest("input[data-mm]:not([data-value])");
        if (field && e.key === "Enter" && !e.isComposing) {
          send({ kind: "action", name: field.dataset.mm, value: field.value, asked: shown() });
          if (field.dataset.mm === "new-label") { field.value = ""; plot.focus({ preventScroll: true }); } else field.select();
        }
        if (e.key === "Escape") plot.focus({ preventScroll: true });
        e.stopPropagation();
        return;
      }
      if (e.ctrlKey || e.metaKey || e.altKey) return;
      if (e.key.length === 1) e.stopPropagation();  // a letter that means nothing here is no shortcut of the notebook either
      const onMap = model.get("shortcuts")[e.key];  // keys.py has the table
      if (onMap === undefined || (onMap === true && e.target !== plot)) return;
      if ((e.key === "Enter" || e.key === " ") && e.target.closest("button, summary, a")) return;
      e.preventDefault(); e.stopPropagation();
      if (typeof onMap === "string") root.querySelector(`input[data-mm="${onMap}"]`)?.select();
      else send({ kind: "key", key: e.key, asked: shown() });
    }, on);
    root.addEventListener("click", e => {
      const b = e.target.closest("button[data-mm]");
      if (!b) return;
      const { mm: name, value } = b.dataset;
      if (name === "full") full(b);
      else if (name === "tool" || name === "mode") { model.set(name, value); model.save_changes(); }
      else send({ kind: "action", name, value, mode: modeOf(e), asked: shown() });
    }, on);
    root.addEventListener("change", e => {
      const field = e.target.closest("input[data-mm][data-value]");
      if (field) send({ kind: "action", name: field.dataset.mm, value: `${field.dataset.value}:${field.value}` });
    }, on);
    root.addEventListener("focusin", e => { held = e.target.closest("[data-key]")?.dataset.key ?? null; }, on);
    const watch = new MutationObserver(changes => {
      painting(changes);
      if (held === null || document.activeElement !== document.body) return;
      const again = root.querySelector(`[data-key="${CSS.escape(held)}"]`) ?? plot;
      again.focus({ preventScroll: true });
    });
    watch.observe(root, { childList: true, subtree: true });
    quit.signal.addEventListener("abort", () => watch.disconnect());
  };

  // The explorer above all else on the page: in the top layer no cell, panel or frame around it can clip it.
  const full = b => {
    const on = root.classList.toggle("mmx-full");
    b.setAttribute("aria-pressed", on);
    if (root.showPopover) { if (on) { root.popover = "manual"; root.showPopover(); } else root.removeAttribute("popover"); }
    window.dispatchEvent(new Event("resize"));
  };

  const mark = () => {
    for (const b of root.querySelectorAll("[data-mm=tool], [data-mm=mode]")) b.setAttribute("aria-pressed", model.get(b.dataset.mm) === b.dataset.value);
    root.classList.toggle("mmx-moving", model.get("tool") === "move");
  };
  const marking = () => { mark(); model.on("change:tool", mark); model.on("change:mode", mark); };

  // ---- names of groups
  const naming = () => {
    const layer = document.createElement("div");
    let names = [];
    layer.className = "mmx-names"; layer.setAttribute("aria-hidden", "true"); plot.append(layer);
    const put = () => {
      const { xaxis: x, yaxis: y } = plot._fullLayout;
      Object.assign(layer.style, { left: x._offset + "px", top: y._offset + "px", width: x._length + "px", height: y._length + "px" });
      placeNames(names, p => [x.d2p(p.x), y.d2p(p.y)], x._length, y._length);
    };
    const write = () => {
      names = model.get("names").map(({ x, y, text }) => ({ e: document.createElement("b"), x, y, text }));
      for (const { e, text } of names) { e.textContent = text; e.dir = "auto"; }
      layer.replaceChildren(...names.map(p => p.e));
      for (const p of names) { p.w = p.e.offsetWidth; p.h = p.e.offsetHeight; }
      put();
    };
    plot.on("plotly_afterplot", put);
    plot.on("plotly_relayouting", () => requestAnimationFrame(put));
    model.on("change:names", write);
    quit.signal.addEventListener("abort", () => layer.remove());
    write();
  };

  // Plotly measures its width before it is on the page
  const fitting = () => {
    let width = plot._fullLayout.width, zoomed = false, late = null;
    plot.on("plotly_relayout", d => {  // by the mouse Plotly names the ends of a range one by one
      if ("xaxis.range[0]" in d) zoomed = true;
      if ("xaxis.range" in d || "xaxis.autorange" in d) zoomed = false;
    });
    const fit = new ResizeObserver(() => {
      if (Math.abs(plot.clientWidth - width) > 1) { width = plot.clientWidth; window.dispatchEvent(new Event("resize")); }
      else return;
      clearTimeout(late);  // to keep its scales equal Plotly widens a range, and never narrows it again
      if (!zoomed) late = setTimeout(() => send({ kind: "fit" }), FIT_MS);
    });
    fit.observe(plot);
    quit.signal.addEventListener("abort", () => fit.disconnect());
  };

  // ---- what was asked and is not done: shown when it takes long, also while the kernel runs a cell
  let open = 0, late = null, lost = null;
  // A kernel that was restarted from elsewhere drops what is sent to widgets that it does not know: it is asked which it knows.
  const look = async () => {
    const [own] = model.get("models"), widget = await model.widget_manager?.get_model(own);
    const reply = await widget?.widget_manager?.kernel?.requestCommInfo?.({ target_name: "jupyter.widget" });
    if (reply?.content.comms && !(own in reply.content.comms)) { working(0); root.classList.add("mmx-dead"); }
  };
  const working = n => {
    open = n;
    clearTimeout(late); clearTimeout(lost);
    if (open > 0) lost = setTimeout(look, LOST_MS);
    const show = () => { root?.classList.toggle("mmx-working", open > 0); root?.setAttribute("aria-busy", open > 0); };
    if (open > 0) late = setTimeout(show, BUSY_MS); else show();
  };

  // ---- while a better map is being computed, ask for it
  const ticking = () => {
    clearTimeout(timer);  // every view hears every answer, and asks once
    timer = null;
    if (model.get("waiting")) timer = setTimeout(() => send({ kind: "tick" }), TICK_MS);
  };

  model.on("msg:custom", message => {
    if (message.kind === "tip") {
      waiting = false;
      if (under === message.row) { tip.innerHTML = message.html; tip.dataset.row = message.row; tip.hidden = false; place(); }
      ask();
    }
    if (message.kind === "tock") ticking();
    if (message.kind === "busy" || message.kind === "done") working(message.kind === "busy" ? 1 : 0);
  });
  attach();
  return () => { quit.abort(); clearTimeout(timer); clearTimeout(late); clearTimeout(lost); tip?.remove(); };
}
export default { render };

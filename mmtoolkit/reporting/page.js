"use strict";
(() => {
  const packed = document.getElementById("plotly"), plots = [...document.querySelectorAll(".plot")], lists = new Map();
  const picture = Object.assign(document.createElement("img"), { className: "hover", alt: "", hidden: true });

  const unpacked = async () => {
    const raw = atob(packed.textContent), bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    const pipe = new DecompressionStream("deflate"), writer = pipe.writable.getWriter(), reader = pipe.readable.getReader();
    writer.write(bytes);
    writer.close();
    const decoder = new TextDecoder(), code = [];
    for (let part = await reader.read(); !part.done; part = await reader.read()) code.push(decoder.decode(part.value, { stream: true }));
    document.head.append(Object.assign(document.createElement("script"), { textContent: code.join("") }));
  };
  let loading;  // Plotly, from the first figure on that is seen
  const draw = (some) => (loading ??= unpacked()).then(() => some.forEach(drawn), () =>
    some.forEach((g) => { g.textContent = packed.dataset.failed; }));

  const drawn = (g) => {
    if (g.classList.contains("js-plotly-plot")) return;
    const { data, layout } = JSON.parse(g.nextElementSibling.textContent);
    if (g.clientWidth < 560) {
      for (const trace of data) if ("colorscale" in trace) trace.showscale = false;
      for (const axis of [layout.xaxis, layout.yaxis]) if (axis) (axis.tickfont ??= {}).size = 9;
      if (layout.coloraxis) layout.coloraxis.showscale = false;
      layout.legend = { ...layout.legend, font: { ...layout.legend?.font, size: 10 } };
      if (layout.legend.entrywidth) layout.legend.entrywidth *= 0.85;
      layout.dragmode = false;
    }
    Plotly.newPlot(g, data, layout, { ...JSON.parse(packed.dataset.config), modeBarButtonsToRemove: ["sendChartToCloud"] });
    const places = g.dataset.links?.split(" ");
    if (places) g.on("plotly_click", (e) => { location.hash = places[e.points[0].x] ?? ""; });  // to the column's pictures
    if (g.dataset.pictures) {
      g.on("plotly_hover", (e) => show(g.dataset.pictures, e));
      g.on("plotly_unhover", () => { picture.hidden = true; });
    }
  };

  const show = (place, { points: [{ customdata: row }], event: { clientX: x, clientY: y } }) => {
    if (!lists.has(place)) lists.set(place, JSON.parse(document.getElementById(place).textContent));
    const src = lists.get(place)[row];
    picture.hidden = !src;
    if (!src) return;
    picture.src = src;
    document.body.append(picture);
    const top = y > 130 ? y - 122 : y + 26;  // above the point and its words, below where there is no room
    Object.assign(picture.style, { left: `${Math.min(Math.max(x - 52, 4), innerWidth - 112)}px`, top: `${top}px` });
  };

  const eye = new IntersectionObserver((seen) => {
    const some = seen.filter((s) => s.isIntersecting).map((s) => s.target);
    some.forEach((g) => eye.unobserve(g));
    if (some.length) draw(some);
  }, { rootMargin: "600px 0px" });
  plots.forEach((g) => eye.observe(g));

  let opened = [], printing = Promise.resolve();  // paper cannot be unfolded, and is narrower
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((d) => { d.open = true; });
    if (plots.length) printing = draw(plots).then(() => plots.forEach((g) => Plotly.relayout(g, { width: 680 })));
  });
  window.addEventListener("afterprint", () => {
    printing.then(() => {
      plots.forEach((g) => Plotly.relayout(g, { width: null, autosize: true }));
      opened.forEach((d) => { d.open = false; });
    });
  });

  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const spy = new IntersectionObserver((seen) => {
    for (const s of seen) if (s.isIntersecting) {
      links.forEach((a) => a.classList.remove("here"));
      links.get(s.target.id)?.classList.add("here");
    }
  }, { rootMargin: "-10% 0px -75% 0px" });
  document.querySelectorAll("section[id]").forEach((s) => spy.observe(s));
})();

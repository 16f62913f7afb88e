"use strict";
(() => {
  const plots = [...document.querySelectorAll(".js-plotly-plot")];
  const narrow = (g) => g.clientWidth < 560;
  for (const g of plots) {
    if (!narrow(g)) continue;
    const change = { "xaxis.tickfont.size": 9, "yaxis.tickfont.size": 9, dragmode: false };
    if (g.layout.showlegend) Object.assign(change, {
      "legend.orientation": "h", "legend.x": 0, "legend.xanchor": "left", "legend.y": -0.04, "legend.yanchor": "top" });
    Plotly.relayout(g, change);
  }
  window.addEventListener("beforeprint", () => plots.forEach((g) => Plotly.Plots.resize(g)));
  const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
  const spy = new IntersectionObserver((seen) => {
    for (const s of seen) if (s.isIntersecting) {
      links.forEach((a) => a.classList.remove("here"));
      links.get(s.target.id)?.classList.add("here");
    }
  }, { rootMargin: "-10% 0px -75% 0px" });
  document.querySelectorAll("section[id]").forEach((s) => spy.observe(s));
})();

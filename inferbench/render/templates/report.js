"use strict";
(() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const plots = [...document.querySelectorAll("[data-figure]")];
  const textColor = () => getComputedStyle(document.documentElement).getPropertyValue("--muted").trim();
  const narrow = () => document.documentElement.clientWidth < 600;

  const draw = (plot) => {
    const figure = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
    figure.layout.font.color = textColor();
    if (narrow()) figure.layout.font.size = 11;
    // A finger that scrolls the page must not zoom a chart.
    if (matchMedia("(pointer: coarse)").matches) figure.layout.dragmode = false;
    return Plotly.newPlot(plot, figure.data, figure.layout, figure.config);
  };

  Promise.all(plots.map(draw)).then(() => document.documentElement.setAttribute("data-drawn", "true"));
  dark.addEventListener("change", () => plots.forEach((p) => Plotly.relayout(p, { "font.color": textColor() })));
})();

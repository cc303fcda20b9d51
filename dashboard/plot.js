// A chart that stays: Streamlit's own is thrown away and made anew, WebGL context and all, at every change.
const load = (address) =>
  (globalThis.inferbenchPlotly ??= new Promise((done, failed) => {
    if (globalThis.Plotly) return done(globalThis.Plotly);
    // The page brings it; once the page is whole without it, it has to be asked for again.
    const brought = document.readyState !== "complete" && document.querySelector(`script[src="${address}"]`);
    const script = brought || Object.assign(document.createElement("script"), { src: address });
    script.onload = () => done(globalThis.Plotly);
    script.onerror = () => {
      globalThis.inferbenchPlotly = undefined; // the next chart asks again
      failed(new Error("Plotly could not be loaded"));
    };
    if (!brought) document.head.append(script);
  }));

const charts = new WeakMap();

const begin = (parent) => {
  const chart = { plot: parent.querySelector(".inferbench-plot"), drawn: Promise.resolve(), known: "" };
  // The room changes with the window and with the sidebar.
  chart.watch = new ResizeObserver(() => {
    if (chart.plot._fullLayout && chart.plot.clientWidth && chart.plot.clientWidth !== chart.plot._fullLayout.width) {
      globalThis.Plotly.Plots.resize(chart.plot);
    }
  });
  chart.watch.observe(chart.plot);
  charts.set(parent, chart);
  return chart;
};

const draw = async (chart, figure) => {
  const plotly = await load(figure.plotly);
  if (!chart.plot.isConnected) return;
  const { plot } = chart;
  // A finger that scrolls the page must not zoom a chart.
  if (matchMedia("(pointer: coarse)").matches) figure.layout.dragmode = false;
  if (plot.clientWidth < 480) figure.layout.font.size = 11;
  // A crowd is drawn with the screen's own pixels; Plotly's default is four for each.
  const config = { ...figure.config, responsive: false, plotGlPixelRatio: globalThis.devicePixelRatio };
  const first = !plot._fullLayout;
  if (first) plot.replaceChildren();
  await plotly.react(plot, figure.data, figure.layout, config);
  if (first) {
    plot.on("plotly_click", ({ points }) => chart.choose?.(points[0]?.customdata?.[0]));
    plot.on("plotly_deselect", () => chart.choose?.());
  }
};

export default ({ data, parentElement, setStateValue }) => {
  const chart = charts.get(parentElement) ?? begin(parentElement);
  const figure = JSON.parse(new TextDecoder().decode(data));
  chart.choose = figure.chosen && ((row) => setStateValue("chosen", row === undefined ? null : [figure.known, row]));
  if (figure.known !== chart.known) {
    chart.known = figure.known;
    chart.plot.setAttribute("aria-label", figure.alt);
    chart.plot.style.minHeight = `${figure.layout.height}px`;
    chart.drawn = chart.drawn
      .then(() => draw(chart, figure))
      .catch((error) => (chart.plot.textContent = `This chart cannot be drawn: ${error.message}`));
  }
  return () => {
    chart.watch.disconnect();
    charts.delete(parentElement);
    globalThis.Plotly?.purge(chart.plot);
  };
};

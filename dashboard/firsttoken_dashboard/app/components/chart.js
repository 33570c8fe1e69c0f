// A chart over time: lines, or stacked bars. Positions come as shares of the plot, figures as text: no arithmetic here.
function drawn(data) {
  const shapes = data.grid.map((line) => svg("line", {
    x1: 0, x2: 100, y1: 100 - 100 * line.at, y2: 100 - 100 * line.at, stroke: "var(--rule)", "stroke-width": 1, "vector-effect": "non-scaling-stroke",
  }));
  for (const series of data.series) {
    if (data.kind === "bars") {
      for (const [x, low, high] of series.bars) {
        shapes.push(svg("rect", {
          x: 100 * (x - data.width / 2) + 12 * data.width, width: 76 * data.width, y: 100 - 100 * high,
          height: Math.max(0, 100 * (high - low)), fill: series.color,
        }));
      }
    } else {
      const pen = { fill: "none", stroke: series.color, "stroke-linejoin": "round", "stroke-linecap": "round", "vector-effect": "non-scaling-stroke" };
      shapes.push(svg("path", { ...pen, d: path(series.points, 100, 100), "stroke-width": 1.9, "stroke-dasharray": series.dash }));
      shapes.push(svg("path", { ...pen, d: alone(series.points, 100, 100), "stroke-width": 5.5 }));
    }
  }
  return shapes;
}

function plot(data) {
  const mark = svg("line", { y1: 0, y2: 100, stroke: "var(--soft)", "stroke-width": 1, "vector-effect": "non-scaling-stroke", visibility: "hidden" });
  const tip = el("div", { class: "tip", hidden: true });
  const picture = svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img", "aria-label": data.summary }, [...drawn(data), mark]);
  const box = el("div", { class: "plot" }, [picture, tip]);
  box.onpointermove = (event) => {
    if (!data.readings.length) return;
    const bounds = box.getBoundingClientRect();
    const at = (event.clientX - bounds.left) / bounds.width;
    const near = data.readings.reduce((best, one) => (Math.abs(one.at - at) < Math.abs(best.at - at) ? one : best));
    put(mark, { x1: near.at * 100, x2: near.at * 100, visibility: "visible" });
    tip.hidden = false;
    tip.replaceChildren(el("div", { class: "soft" }, near.when), ...near.values.map(([name, color, value]) =>
      el("div", {}, [el("i", { class: "dot", style: `background:${color}` }), name, el("b", {}, value)])));
    if (near.at < 0.5) { tip.style.left = `calc(${near.at * 100}% + 10px)`; tip.style.right = "auto"; }
    else { tip.style.right = `calc(${(1 - near.at) * 100}% + 10px)`; tip.style.left = "auto"; }
  };
  box.onpointerleave = () => { tip.hidden = true; mark.setAttribute("visibility", "hidden"); };
  return box;
}

export default function (component) {
  redraw(component, (data) => [
    el("div", { class: "head" }, [
      el("span", { class: "title" }, data.title),
      el("span", { class: "unit" }, data.unit),
      el("span", { class: "legend" }, data.series.length < 2 ? [] : data.series.map((one) =>
        el("span", {}, [el("i", { class: "dot", style: `background:${one.color}` }), one.name]))),
    ]),
    data.readings.length === 0 ? el("div", { class: "none" }, data.empty) : el("div", { class: "frame" }, [
      el("div", { class: "left" }, data.grid.map((line) => el("span", { style: `bottom:${100 * line.at}%` }, line.text))),
      plot(data),
      el("div", { class: "foot" }, data.ticks.map((tick) => el("span", { style: `left:${100 * tick.at}%` }, tick.text))),
    ]),
  ]);
}

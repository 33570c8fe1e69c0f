// Score cards: a figure, its change against the window before, and its course as a line with a reading under the pointer.
function spark(card) {
  const known = card.points.filter((point) => point[1] !== null);
  if (known.length < 1) return card.points.length ? el("div", { class: "spark" }) : null;
  const pen = { fill: "none", stroke: "var(--accent)", "stroke-linejoin": "round", "stroke-linecap": "round", "vector-effect": "non-scaling-stroke" };
  const line = svg("path", { ...pen, d: path(card.points, 100, 30), "stroke-width": 1.75 });
  const dots = svg("path", { ...pen, d: alone(card.points, 100, 30), "stroke-width": 4.5 });
  const mark = svg("line", { y1: 0, y2: 30, stroke: "var(--rule)", "stroke-width": 1, "vector-effect": "non-scaling-stroke", visibility: "hidden" });
  const tip = el("div", { class: "tip", hidden: true });
  const picture = svg("svg", { viewBox: "0 0 100 30", preserveAspectRatio: "none", role: "img", "aria-label": card.course }, [mark, line, dots]);
  const box = el("div", { class: "spark" }, [picture, tip]);
  box.onpointermove = (event) => {
    const bounds = box.getBoundingClientRect();
    const at = (event.clientX - bounds.left) / bounds.width;
    const near = known.reduce((best, point) => (Math.abs(point[0] - at) < Math.abs(best[0] - at) ? point : best));
    put(mark, { x1: near[0] * 100, x2: near[0] * 100, visibility: "visible" });
    tip.hidden = false;
    tip.textContent = near[2];
    tip.style.left = `${Math.min(85, Math.max(15, near[0] * 100))}%`;
  };
  box.onpointerleave = () => { tip.hidden = true; mark.setAttribute("visibility", "hidden"); };
  return box;
}

function card(score) {
  return el("div", { class: "card", role: "group", "aria-label": `${score.label}: ${score.value}` }, [
    el("div", { class: "label" }, [
      el("span", {}, score.label),
      el("span", { class: "help" }, [
        el("button", { type: "button", "aria-label": `What is ${score.label}?`, "data-keep": `help-${score.label}` }, "?"),
        el("span", { class: "tip", role: "tooltip" }, score.help),
      ]),
    ]),
    el("div", { class: "value" }, score.value),
    el("div", { class: `note ${score.tone}`, title: score.note }, score.note),
    spark(score),
  ]);
}

export default function (component) {
  redraw(component, (data) => el("div", { class: "grid" }, data.cards.map(card)));
}

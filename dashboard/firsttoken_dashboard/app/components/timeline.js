// Lanes on one clock: the parts of a call's life, or the spans of a trace. Positions are shares of the whole.
export default function (component) {
  redraw(component, (data) => el("div", { class: "lanes", role: "list", "aria-label": data.caption }, [
    ...data.lanes.map((lane) => el("div", { class: `row ${lane.here ? "here" : ""}`, role: "listitem", title: lane.title }, [
      el("span", { class: "name", style: lane.depth ? `padding-left:${Math.min(lane.depth, 8) * 0.8}rem` : null, title: lane.name }, lane.name),
      el("span", { class: "lane" }, [
        ...lane.spans.map(([start, end, color]) => el("i", { class: "span", style: `left:${100 * start}%;width:${100 * Math.max(0, end - start)}%;background:${color}` })),
        ...lane.moments.map((at) => el("i", { class: "moment", style: `left:${100 * at}%` })),
      ]),
      el("span", { class: "value" }, lane.value),
    ])),
    el("span"),
    el("span", { class: "scale", "aria-hidden": "true" }, data.ticks.map((tick) => el("span", { style: `left:${100 * tick.at}%` }, tick.text))),
  ]));
}

// The head of a recommendation: what and where, what it saves, and the numbers behind it.
export default function (component) {
  redraw(component, (data) => [
    el("div", { class: "top" }, [
      el("div", { class: "what" }, [
        el("h3", {}, data.title),
        el("div", { class: "where mono" }, data.where),
        data.context ? el("div", { class: "where soft" }, data.context) : null,
        el("div", { class: "badges" }, data.badges.map(([text, title]) => el("span", { class: "badge", title }, text))),
      ]),
      el("div", { class: "figures" }, data.figures.map(([value, label, interval, plain]) =>
        el("div", { class: plain ? "figure plain" : "figure" }, [el("b", {}, value), el("span", {}, label), interval ? el("span", {}, interval) : null]))),
    ]),
    data.evidence.length ? el("dl", {}, data.evidence.map(([label, value]) => el("div", {}, [el("dt", {}, label), el("dd", {}, value)]))) : null,
  ]);
}

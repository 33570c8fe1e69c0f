// Labels with their values.
export default function (component) {
  redraw(component, (data) => el("dl", {}, data.facts.map(([label, value]) => el("div", {}, [el("dt", {}, label), el("dd", {}, value)]))));
}

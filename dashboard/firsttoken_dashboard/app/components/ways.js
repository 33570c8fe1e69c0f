// Ways to other pages of ours.
export default function (component) {
  redraw(component, (data) => el("nav", { "aria-label": data.caption }, data.ways.map(([label, href]) =>
    el("a", { href, onclick: (event) => follow(event, href), "data-keep": href }, label))));
}

// Files to take along. Links, because an address stays good whatever is drawn between a look and a click.
export default function (component) {
  redraw(component, (data) => el("nav", { "aria-label": data.caption }, data.files.map(({ label, href, help }) =>
    el("a", { href, download: true, title: help, "data-keep": label }, label))));
}

// A table whose rows can be opened and whose columns can be sorted, by pointer and by keyboard. A cell is text, or
// {text, sub, tone, mono, color, title, points, share, badge, href}.
function inside(cell) {
  if (cell === null || typeof cell !== "object") return cell === null ? "–" : String(cell);
  if (cell.points) {
    const pen = { fill: "none", stroke: "var(--accent)", "stroke-linecap": "round", "stroke-linejoin": "round", "vector-effect": "non-scaling-stroke" };
    return svg("svg", { viewBox: "0 0 100 22", preserveAspectRatio: "none", role: "img", "aria-label": cell.title }, [
      svg("path", { ...pen, d: path(cell.points, 100, 20), "stroke-width": 1.5 }),
      svg("path", { ...pen, d: alone(cell.points, 100, 20), "stroke-width": 3.5 }),
    ]);
  }
  const text = el("span", { class: [cell.mono ? "mono" : "", cell.tone ?? "", cell.badge ? "badge" : "cut"].join(" "), title: cell.title ?? (cell.badge ? null : cell.text) }, [
    cell.color ? el("i", { class: "dot", style: `background:${cell.color}` }) : null, cell.text,
  ]);
  return [text, cell.sub ? el("span", { class: "sub" }, cell.sub) : null,
    !cell.share ? null : el("span", { class: "bar", style: `width:${Math.round(100 * cell.share)}%` })];
}

function header(column, data, component) {
  const sorted = data.sort && data.sort.key === column.key;
  const words = column.sortable
    ? el("button", { type: "button", "data-keep": `sort-${column.key}`, onclick: () => component.setTriggerValue("sort", column.key) }, `${column.label}${sorted ? (data.sort.descending ? " ↓" : " ↑") : ""}`)
    : column.label;
  return el("th", { scope: "col", class: column.end ? "end" : null, title: column.help, "aria-sort": sorted ? (data.sort.descending ? "descending" : "ascending") : null }, words);
}

function row(one, data) {
  const open = one.href ? (event) => follow(event, one.href) : null;
  return el("tr", { class: open ? "pick" : null, onclick: open }, one.cells.map((cell, index) => {
    const content = inside(cell);
    const own = cell?.href;
    const first = own
      ? el("a", { class: "open", href: own, "data-keep": own, onclick: (event) => follow(event, own) }, content)
      : open && index === 0
      ? el("a", { class: "open", href: one.href, "data-keep": one.href, "aria-label": `${data.opens} ${cell?.text ?? cell}` }, content)
      : content;
    return el("td", { class: data.columns[index].end ? "end" : null }, first);
  }));
}

export default function (component) {
  redraw(component, (data) => {
    const groups = data.groups.length
      ? el("tr", {}, data.groups.map(([label, span]) => el(label ? "th" : "td", { scope: label ? "colgroup" : null, colspan: span, class: label ? "group" : null }, label)))
      : null;
    return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": data.caption }, el("table", {}, [
      el("thead", {}, [groups, el("tr", {}, data.columns.map((column) => header(column, data, component)))]),
      el("tbody", {}, data.rows.length
        ? data.rows.map((one) => row(one, data))
        : el("tr", {}, el("td", { colspan: data.columns.length, class: "empty" }, data.empty))),
    ]));
  });
}

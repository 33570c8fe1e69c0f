// How every component builds its elements: text only ever goes in as text, so no value from a span can become markup.
const SVG = "http://www.w3.org/2000/svg";

function put(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node[name] = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of [children ?? []].flat()) {
    if (child === null || child === undefined || child === "") continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

const el = (tag, attributes, children) => put(document.createElement(tag), attributes, children);
const svg = (tag, attributes, children) => put(document.createElementNS(SVG, tag), attributes, children);

// Draw into the component's own root, once per new data: what is the same stays, so nothing flickers while live.
function redraw(component, make) {
  const { parentElement, data } = component;
  const root = parentElement.querySelector(".root");
  const told = JSON.stringify(data);
  if (root.told === told) return;
  root.told = told;
  const kept = parentElement.activeElement?.dataset?.keep ?? root.ownerDocument.activeElement?.dataset?.keep;
  const scrolled = root.querySelector(".scroll")?.scrollLeft ?? 0;
  const staying = [...root.querySelectorAll("[data-stay]")];
  const opened = [...root.querySelectorAll("[data-open][open]")].map((node) => node.dataset.open);
  root.replaceChildren(...[make(data)].flat());
  for (const node of staying) root.querySelector(`[data-stay="${CSS.escape(node.dataset.stay)}"]`)?.replaceWith(node);
  for (const name of opened) root.querySelector(`[data-open="${CSS.escape(name)}"]`).open = true;
  const scroll = root.querySelector(".scroll");
  if (scroll) scroll.scrollLeft = scrolled;
  if (kept) root.querySelector(`[data-keep="${CSS.escape(kept)}"]`)?.focus({ preventScroll: true });
}

// A line through the known points of [0, 1] x [0, 1]; unknown ones leave a gap.
function path(points, width, height) {
  let line = "";
  let pen = false;
  for (const point of points) {
    if (point === null || point[1] === null) { pen = false; continue; }
    line += `${pen ? "L" : "M"}${(point[0] * width).toFixed(2)} ${((1 - point[1]) * height).toFixed(2)}`;
    pen = true;
  }
  return line;
}

// The points that no line reaches, as strokes of length nought: round ends make dots of them, whatever the stretch.
function alone(points, width, height) {
  const known = (index) => points[index] !== undefined && points[index] !== null && points[index][1] !== null;
  return points.map((point, index) => (known(index) && !known(index - 1) && !known(index + 1)
    ? `M${(point[0] * width).toFixed(2)} ${((1 - point[1]) * height).toFixed(2)}h0.01` : "")).join("");
}

// Go to another of our pages without loading it anew: as the browser's own back button does, which Streamlit follows.
// With a key held down the browser does what it does with any link.
function follow(event, href) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  event.stopPropagation();
  history.pushState(null, "", href);
  window.dispatchEvent(new PopStateEvent("popstate"));
}

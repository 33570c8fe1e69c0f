// Has a part of a page drawn again once the store is another than the part was drawn from, and each second until the
// part is settled. All parts hear of the store over one socket; what is not looked at waits until it is.
const LEAST_MS = 500;
const LOST_MS = 3000;
const UNSETTLED_MS = 1000;

const heard = (globalThis.firsttokenHeard ??= { parts: new Set(), asking: [], state: null, socket: null });

function listen(path) {
  if (heard.socket && heard.socket.readyState <= WebSocket.OPEN) return;
  heard.socket = new WebSocket(location.origin.replace(/^http/, "ws") + path);
  heard.socket.onmessage = (event) => {
    heard.state = event.data;
    if (heard.parts.size) heard.parts.forEach(look);
    else heard.socket.close();
  };
  document.onvisibilitychange = () => heard.parts.forEach(look);
}

function look(part) {
  clearTimeout(part.timer);
  if (document.hidden || heard.state === null || part.state === null || heard.state === part.state) return;
  const early = part.at + (part.asked ? LOST_MS : LEAST_MS) - performance.now();
  if (early > 0) part.timer = setTimeout(look, early, part);
  else ask(part);
}

function ask(part) {
  part.asked = true;
  part.at = performance.now();
  if (heard.asking.push(part) === 1) say();
}

// One after the other: Streamlit sends what happens at once in one message, and then runs only one of the fragments.
function say() {
  if (heard.parts.has(heard.asking[0])) heard.asking[0].again();
  setTimeout(() => {
    heard.asking.shift();
    if (heard.asking.length) say();
  });
}

export default function ({ parentElement, data, setTriggerValue }) {
  const part = (parentElement.part ??= { at: -LOST_MS });
  Object.assign(part, { state: data.state, asked: false, again: () => setTriggerValue("again", performance.now()) });
  clearInterval(part.beat);
  part.beat = data.unsettled ? setInterval(ask, UNSETTLED_MS, part) : null;
  heard.parts.add(part);
  listen(data.path);
  look(part);
  return () => {
    clearTimeout(part.timer);
    clearInterval(part.beat);
    heard.parts.delete(part);
  };
}

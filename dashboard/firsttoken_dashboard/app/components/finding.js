// A recommendation: what and where, what it saves and the numbers behind it, the change to make, and what to do about it.
const TOKENS = /(#[^\n]*)|("""[\s\S]*?"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\b(and|as|async|await|break|class|def|elif|else|except|False|finally|for|from|if|import|in|is|lambda|None|not|or|raise|return|True|try|while|with|yield)\b/g;
const KINDS = ["comment", "string", "keyword"];

function python(source) {
  const parts = [];
  let at = 0;
  for (const match of source.matchAll(TOKENS)) {
    parts.push(source.slice(at, match.index));
    parts.push(el("span", { class: KINDS[[1, 2, 3].findIndex((group) => match[group] !== undefined)] }, match[0]));
    at = match.index + match[0].length;
  }
  return [...parts, source.slice(at)];
}

async function copy(source, button) {
  try {
    await navigator.clipboard.writeText(source);
  } catch {
    // Over plain HTTP from another machine a page has no clipboard: the old way.
    const box = el("textarea", { class: "copied" }, source);
    button.after(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1600);
}

function code(label, source) {
  const button = el("button", { type: "button", class: "copy", "aria-label": `Copy the code ${label.toLowerCase()}`, "data-keep": `copy-${label}` }, "Copy");
  button.onclick = () => copy(source, button);
  return el("div", { class: "code" }, [
    el("div", { class: "bar" }, [el("span", { class: "soft" }, label), button]),
    el("pre", { tabindex: 0, role: "region", "aria-label": label }, el("code", {}, python(source))),
  ]);
}

function menu(label, children) {
  const box = el("details", { class: "menu", name: "menu" }, [el("summary", {}, label), el("div", { class: "panel" }, children)]);
  box.onkeydown = (event) => {
    if (event.key !== "Escape") return;
    box.open = false;
    box.firstChild.focus();
  };
  return box;
}

function snooze(act) {
  const days = (number) => new Date(Date.now() + number * 86_400_000).toISOString().slice(0, 10);
  const day = el("input", { type: "date", min: days(1), value: days(14) });
  const button = (label, until) => el("button", { type: "button", class: "do", onclick: () => act({ do: "snooze", until: until() }) }, label);
  return menu("Snooze", [
    button("For a day", () => days(1)), button("For a week", () => days(7)), button("For 30 days", () => days(30)),
    el("label", {}, ["Until ", day]), button("Snooze until then", () => day.value || days(14)),
  ]);
}

function dismiss(act) {
  const because = el("input", { type: "text", maxlength: 500, required: true, placeholder: "why it does not apply here" });
  return menu("Dismiss", el("form", { onsubmit: (event) => { event.preventDefault(); act({ do: "dismiss", because: because.value }); } }, [
    el("label", {}, ["Because", because]), el("button", { type: "submit", class: "do" }, "Dismiss it"),
  ]));
}

// What the reader has opened or begun to write stays while the figures above it change.
function actions(data, act) {
  const apply = () => el("button", { type: "button", class: "do", title: "The change is made: its calls from now on tell what it saves.", onclick: () => act({ do: "apply" }) }, "Applied");
  const open = () => el("button", { type: "button", class: "do", onclick: () => act({ do: "open" }) }, "Open it again");
  const known = { apply, snooze: () => snooze(act), dismiss: () => dismiss(act), open };
  return el("div", { class: "actions", "data-stay": `actions ${data.actions.join(" ")}` }, data.actions.map((name) => known[name]()));
}

export default function (component) {
  const root = component.parentElement.querySelector(".root");
  root.latest = component;
  const act = (what) => root.latest.setTriggerValue("act", what);
  redraw(component, (data) => el("article", { "aria-label": data.title }, [
    el("div", { class: "top" }, [
      el("div", { class: "what" }, [
        el("h3", {}, data.title),
        el("div", { class: "where mono" }, data.where),
        data.context ? el("div", { class: "where soft" }, data.context) : null,
        el("div", { class: "badges" }, data.badges.map(([text, title, tone]) => el("span", { class: `badge ${tone}`, title }, text))),
      ]),
      el("div", { class: "figures" }, data.figures.map(([value, label, interval, plain]) =>
        el("div", { class: plain ? "figure plain" : "figure" }, [el("b", {}, value), el("span", {}, label), interval ? el("span", {}, interval) : null]))),
    ]),
    data.evidence.length ? el("dl", {}, data.evidence.map(([label, value]) => el("div", {}, [el("dt", {}, label), el("dd", {}, value)]))) : null,
    data.after ? el("div", { class: "change" }, [code("Before", data.before), code("After", data.after)]) : null,
    data.why ? el("p", {}, data.why) : null,
    data.details.length ? el("details", { class: "how", "data-open": "how" }, [
      el("summary", {}, data.how),
      el("dl", { class: "long" }, data.details.map(([label, value]) => el("div", {}, [el("dt", {}, label), el("dd", {}, value)]))),
    ]) : null,
    el("div", { class: "foot" }, [
      el("nav", { "aria-label": "Behind it" }, data.links.map(([label, href]) => (href.startsWith("https://")
        ? el("a", { href, target: "_blank", rel: "noopener noreferrer" }, `${label} ↗`)
        : el("a", { href, onclick: (event) => follow(event, href), "data-keep": href }, label)))),
      actions(data, act),
    ]),
  ]));
}

// One moment of a match as elements. Every text of a game, an operator or a log is set as text, never as HTML.

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export const signed = (value) => {
  const rounded = Number(value.toFixed(6));
  return `${rounded < 0 ? "−" : "+"}${Math.abs(rounded)}`;
};

// A line for the list of moments.
export function summary(moment) {
  if (moment.tick === null || moment.tick === undefined) return "start";
  if (!moment.turns?.length) return [`tick ${moment.tick}`, ...(moment.events ?? [])].join(" · ");
  const turns = moment.turns.map((turn) => `${turn.operator}: ${turn.fault ?? turn.action ?? turn.answer ?? "none"}`);
  return `tick ${moment.tick} · ${turns.join(", ")}`;
}

function views(given) {
  const parts = [given.image ? `image ${given.image[0]}x${given.image[1]}` : "", given.vector ? "vector" : "", given.text ? "text" : ""];
  return parts.filter(Boolean).join(", ") || "nothing but the legal actions";
}

function called(call) {
  const what = `${call.tool} ${call.arguments ?? ""}`.trim();
  const gave = call.error ?? [call.text, call.picture && `a picture (${call.picture})`].filter(Boolean).join("\n");
  return `${what}\n→ ${call.error === undefined ? "" : "error: "}${gave}`;
}

// The rows of a turn: [word, text, kind], as `arena replay` shows them.
function rows(turn) {
  const out = [];
  const add = (word, text, kind = "") => text !== undefined && text !== null && text !== "" && out.push([word, text, kind]);
  if (turn.attempt) add("asked again", `attempt ${turn.attempt + 1}`);
  else if (turn.late) add("asked", "still thinking");
  else if (turn.asked !== undefined) add("asked", `at tick ${turn.asked}`);
  if (turn.prompt) add("prompt", turn.prompt, "pre");
  else if (turn.prompt === "") add("prompt", "(the record does not tell what the model was asked here)");
  const inWords = !turn.attempt && !turn.late && turn.asked === undefined && turn.saw !== undefined;
  if (inWords && turn.prompt === undefined) add(turn.given.text ? "saw" : "in words", turn.saw, "pre");
  else if (inWords && !turn.prompt.includes(turn.saw)) add("in words", `(the moment in words, for you: not what the model was given)\n${turn.saw}`, "pre");
  if (turn.given.text && !turn.attempt && !turn.prompt) for (const one of turn.heard ?? []) add("heard", `seat ${one.seat}: ${one.text}`);
  if (!turn.prompt) add("given as", views(turn.given));
  add("legal", turn.legal.join(", "));
  for (const call of turn.calls ?? []) add("tool", called(call), "pre");
  if (turn.thought) add("thought", turn.thought, "thought");
  else if (turn.raw !== turn.answer) add("wrote", turn.raw, "thought");
  if (turn.named !== undefined) add("answer", `${turn.named} (${turn.answer})`);
  else add("answer", turn.answer === null ? "none" : String(turn.answer) || '""');
  if (turn.fault) add("fault", turn.detail ? `${turn.fault}: ${turn.detail}` : turn.fault, "fault");
  if (turn.action !== undefined) {
    const why = turn.fault ? " (what the fault costs)" : turn.late ? " (by the rule for late answers)" : "";
    add("action", turn.action + why, "action");
  }
  add("said", turn.said);
  if (turn.unsaid) add("not said", `${turn.unsaid.text} (${turn.unsaid.why})`);
  if (turn.prompt_tokens || turn.completion_tokens) {
    add("tokens", `${turn.prompt_tokens ?? 0} in, ${turn.completion_tokens ?? 0} out`);
  }
  return out;
}

function card(turn, picture) {
  const list = element("dl");
  if (picture) {
    const alt = `What seat ${turn.seat} was shown`;
    list.append(element("dt", { textContent: "shown" }), element("dd", {}, element("img", { className: "view", src: picture, alt })));
  }
  for (const [word, text, kind] of rows(turn)) {
    list.append(element("dt", { textContent: word }), element("dd", { className: kind, textContent: text }));
  }
  return element("section", { className: "turn", "data-seat": turn.seat % 6 },
    element("h4", { textContent: `seat ${turn.seat} · ${turn.operator}` }), list);
}

function scores(moment) {
  const head = element("tr", {}, ...["seat", "reward", "so far"].map((text) => element("th", { scope: "col", textContent: text })));
  const body = moment.rewards.map((reward, seat) => element("tr", {},
    element("th", { scope: "row", textContent: `${seat} · ${moment.seats[seat]}` }),
    element("td", { textContent: signed(reward) }),
    element("td", { textContent: signed(moment.totals[seat]) })));
  return element("table", { className: "scores" }, element("thead", {}, head), element("tbody", {}, ...body));
}

function result(moment) {
  const { status, ticks, unit, returns, reason } = moment.result;
  const items = moment.seats.map((name, seat) =>
    element("li", { textContent: `seat ${seat} · ${name}: ${returns ? `${signed(returns[seat])} ${unit.split(" (")[0]}`.trim() : "unresolved"}` }));
  return element("section", { className: "result" },
    element("h4", { textContent: `${status} after ${ticks} tick${ticks === 1 ? "" : "s"}` }),
    reason ? element("p", { textContent: reason }) : null, element("ul", {}, ...items));
}

const seats = (moment) =>
  moment.seats.flatMap((name, seat) => [element("dt", { textContent: `seat ${seat}` }), element("dd", { textContent: name })]);

const STOPS = {
  "record ends": "The record ends here: the run stopped while this match was in play.",
  "log differs": "The log and its re-execution differ here, so nothing after it is shown. `arena verify` says how.",
};

// shown: a ShownMoment; url: the address of a picture by its name.
export function drawMoment(shown, url) {
  const { moment, views: seen = {} } = shown;
  const parts = [];
  if (moment.live) parts.push(element("section", { className: "turn" }, element("h4", { textContent: "the table" }), element("dl", {}, ...seats(moment))));
  if (moment.seed) {
    const options = Object.entries(moment.options ?? {}).filter(([, value]) => value !== null).map(([name, value]) => `${name}=${value}`).join(", ");
    parts.push(element("section", { className: "turn" }, element("h4", { textContent: "the table" }), element("dl", {},
      ...seats(moment),
      element("dt", { textContent: "seed" }), element("dd", { className: "code", textContent: moment.seed }),
      element("dt", { textContent: "options" }), element("dd", { textContent: options || "as by default" }))));
  }
  for (const turn of moment.turns ?? []) {
    const picture = turn.attempt ? undefined : seen[turn.seat];
    parts.push(card(turn, picture === undefined ? null : url(picture)));
  }
  if (moment.events?.length) {
    parts.push(element("ul", { className: "events" }, ...moment.events.map((text) => element("li", { textContent: text }))));
  }
  if (moment.rewards?.some(Boolean)) parts.push(scores(moment));
  if (moment.result) parts.push(result(moment));
  if (moment.stops) parts.push(element("p", { className: "stops", textContent: STOPS[moment.stops] }));
  return parts;
}

// The match as a whole, live: for who only looks on, and beside the own seat where nothing is hidden.
import { $, draw, gameName, make, put } from "./parts.js";

export const updateOf = (state, table) => (state?.updates ?? []).find((one) => one.match === table.match) ?? null;

export function showUpdate(state, table, pictures) {
  const alone = Boolean(state?.spectator);
  const update = alone ? state.updates.at(-1) : table?.played ? updateOf(state, table) : null;
  document.body.classList.toggle("spectator", alone);
  $("everyone").hidden = !update;
  $("felt").hidden = alone && Boolean(update);
  if (!update) return;
  const picture = pictures.get(update.key);
  if (picture && $("whole").src !== picture.url) draw($("whole"), picture);
  $("whole").hidden = !picture;
  $("whole").alt = update.events.join(". ") || "The match as a whole.";
  put("events", alone ? update.events.join(" · ") : "");
  const content = JSON.stringify([update.match, update.seats]);
  if ($("names").dataset.content !== content) {
    $("names").dataset.content = content;
    $("names").replaceChildren(
      ...update.seats.map((seat, number) => {
        const item = make("li", seat.you ? "you" : "", `${number} `, make("b", "", seat.name), seat.you ? " - you" : "");
        if (seat.value) item.append(" ", make("span", "", seat.value));
        return item;
      }),
    );
  }
  if (!alone) return;
  put("game", gameName(update.game));
  put("where", `Match ${update.match}, tick ${update.tick}${update.over ? " - over" : ""}${state.stopped ? `. The arena ${state.stopped === "finished" ? "has finished" : "was stopped"}` : ""}`);
}

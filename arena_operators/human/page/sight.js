// The match as a whole, live: for who only looks on, and beside the own seat where nothing is hidden.
import { $, draw, gameName, make, put } from "./parts.js";

export const sightOf = (state, table) => (state?.sights ?? []).find((one) => one.match === table.match) ?? null;

export function showSight(state, table, pictures) {
  const alone = Boolean(state?.spectator);
  const sight = alone ? state.sights.at(-1) : table?.played ? sightOf(state, table) : null;
  document.body.classList.toggle("spectator", alone);
  $("everyone").hidden = !sight;
  $("felt").hidden = alone && Boolean(sight);
  if (!sight) return;
  const picture = pictures.get(sight.key);
  if (picture && $("whole").src !== picture.url) draw($("whole"), picture);
  $("whole").hidden = !picture;
  $("whole").alt = sight.events.join(". ") || "The match as a whole.";
  put("events", alone ? sight.events.join(" · ") : "");
  const content = JSON.stringify([sight.match, sight.seats]);
  if ($("names").dataset.content !== content) {
    $("names").dataset.content = content;
    $("names").replaceChildren(
      ...sight.seats.map((seat, number) => {
        const item = make("li", seat.you ? "you" : "", `${number} `, make("b", "", seat.name), seat.you ? " - you" : "");
        if (seat.value) item.append(" ", make("span", "", seat.value));
        return item;
      }),
    );
  }
  if (!alone) return;
  put("game", gameName(sight.game));
  put("where", `Match ${sight.match}, tick ${sight.tick}${sight.over ? " - over" : ""}${state.stopped ? `. The arena ${state.stopped === "finished" ? "has finished" : "was stopped"}` : ""}`);
}

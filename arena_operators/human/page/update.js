// The match as a whole, live, beside the own seat where nothing is hidden. Who only watches has live.js.
import { $, draw, make } from "./parts.js";

export const updateOf = (state, table) => (state?.updates ?? []).find((one) => one.match === table.match) ?? null;

export function showUpdate(state, table, pictures) {
  const update = table?.played ? updateOf(state, table) : null;
  $("everyone").hidden = !update;
  if (!update) return;
  const picture = pictures.get(update.key);
  if (picture && $("whole").src !== picture.url) draw($("whole"), picture);
  $("whole").hidden = !picture;
  $("whole").alt = update.events.join(". ") || "The match as a whole.";
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
}

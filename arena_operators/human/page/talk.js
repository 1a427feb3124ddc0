// What the person says, and what was said. Words of others go in as text, never as HTML.
import { $, make, put } from "./parts.js";

const length = (text) => [...text.trim()].length; // as the arena counts: characters, not UTF-16 units

// What stands in the box, and whether it may be sent: as the whole answer, or beside an action.
export function words() {
  return $("talk").hidden ? "" : $("say").value;
}

export function tooLong(table, beside) {
  return length(words()) > (beside ? table.tableTalk : table.freeText);
}

export function showTalk(table, ready) {
  const open = Boolean(table && table.request !== null && (table.freeText || table.tableTalk));
  $("talk").hidden = !open;
  if (open) {
    if ($("talk").dataset.request !== String(table.request)) {
      $("talk").dataset.request = table.request;
      if (!table.alert) $("say").value = ""; // asked again: what was typed stays to be mended
    }
    put("talk-label", table.freeText ? "Say something of your own, or choose an action" : "Say something beside your action, if you like");
    $("say-send").hidden = !table.freeText;
    $("say-send").disabled = !ready || !length($("say").value) || tooLong(table, false);
    const most = table.freeText || table.tableTalk;
    put("say-count", `${length($("say").value)} of ${most}`);
    $("say-count").dataset.over = String(length($("say").value) > most);
  }
  const lines = table?.talk ?? [];
  $("heard-box").hidden = lines.length === 0;
  const content = JSON.stringify(lines);
  if ($("heard").dataset.content === content) return;
  $("heard").dataset.content = content;
  $("heard").replaceChildren(...lines.map((line) => make("li", line.you ? "you" : "", make("b", "", line.who), line.text)));
  $("heard").scrollTop = $("heard").scrollHeight;
}

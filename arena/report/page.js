// The page of a report: the choice of light or dark, and the replay viewer where there are matches to show.
import { PageSource } from "./viewer/source.js";
import { ReplayViewer } from "./viewer/viewer.js";

const theme = document.getElementById("theme");
theme.hidden = false;
theme.addEventListener("click", () => {
  const { dataset } = document.documentElement;
  const dark = dataset.theme ? dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  dataset.theme = dark ? "light" : "dark";
});

const place = document.getElementById("viewer");
if (place) new ReplayViewer(place, new PageSource());

"""Points24: four cards, one symbol a step, a formula worth 24."""

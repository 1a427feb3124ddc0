"""Rules, answer format and prompt templates of Kuhn poker."""

RULES = """Kuhn poker for {seats} players. The deck has one card of each rank, from lowest to highest: {deck}.
Each player puts one chip into the pot and is dealt one card, which the others do not see.
Players act in turn. While nobody has bet: "pass" checks, "bet" puts one more chip into the pot.
Once somebody has bet, each other player acts once more: "pass" folds (and loses its chips), "bet" calls for one chip.
Then the highest card among those who did not fold wins the pot. If all but one fold, that one wins.
A match is {hands}; the first to act moves by one seat each hand. You want to win as many chips as you can."""

ANSWER_FORMAT = "one of the legal action names: pass or bet"

FULL = """{rules}

{text}

Think in at most two short sentences. Then end with one line that holds nothing but the word Answer, a colon and \
one of the legal actions ({legal}), for example:
Answer: pass"""

SHORT = "Kuhn poker. Seat {seat} of {seats}. Pot {pot}, to call {to_call}. History: {history}. Legal: {legal}."

"""Rules, answer format and prompt templates of Leduc poker."""

RULES = """Leduc poker for {seats} players. The deck has two cards of each rank, from lowest to highest: {deck}.
Each player puts one chip into the pot and is dealt one card, which the others do not see.
There are two rounds of betting. After the first, one card is laid on the board for all to see.
In each round players act in turn: "call" puts in what you need to call (if that is nothing, it checks), \
"raise" calls and adds {small} chips in the first round, {large} in the second (at most two raises a round), \
"fold" gives up your chips; it is legal only when there is something to call.
After the second round a player whose card pairs the board wins; if nobody has a pair, the highest card wins; \
equal hands share the pot. If all but one fold, that one wins.
A match is {hands}; the first to act moves by one seat each hand. You want to win as many chips as you can."""

ANSWER_FORMAT = "one of the legal action names: fold, call or raise"

FULL = """{rules}

{text}

Think in at most two short sentences. Then end with one line that holds nothing but the word Answer, a colon and \
one of the legal actions ({legal}), for example:
Answer: call"""

SHORT = "Leduc poker. Seat {seat} of {seats}. Pot {pot}, to call {to_call}. History: {history}. Legal: {legal}."

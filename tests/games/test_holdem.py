"""Rules of the hold'em session: blinds, button, betting, cards, payments, and what is never shown."""

import re
from itertools import pairwise

import numpy as np
import pytest

from arena.canonical import key
from arena.game import IllegalActionError, Move, UnparsableAnswerError, Views
from arena.train.lesson import Lesson
from arena_games.cards.codes import CODES, card
from arena_games.holdem.ledger import CALL, FOLD, RAISE, Ledger
from arena_games.holdem.rules import Holdem
from arena_games.holdem.teacher import lessons
from arena_games.holdem.vector import WIDTH
from tests.games.test_cards import plain_value

CALLS = {FOLD: 0.0, CALL: 0.75, RAISE: 0.25}


def session(seats, hands=3, number=0, weights=None):
    """Random play: (game, result before, seat, action) of every decision, then (game, last result, None, None)."""
    game = Holdem(seats, {"hands": hands})
    chance = np.random.default_rng([number, seats])
    result = game.reset(key("test", number, seats))
    while result.ended == "none":
        seat = result.due[0]
        legal = game.legal(seat)
        share = np.array([(weights or {FOLD: 0.15, CALL: 0.5, RAISE: 0.35})[action] for action in legal])
        action = int(chance.choice(legal, p=share / share.sum()))
        yield game, result, seat, action
        result = game.step({seat: Move(action)})
    yield game, result, None, None


@pytest.mark.parametrize("seats", [2, 3, 4, 5, 6])
def test_the_ledger_agrees_with_the_engine(seats):
    for game, _, seat, _ in session(seats, hands=6):
        if seat is None:
            break
        ledger, state = game.ledger, game.hand.state
        legal = game.legal(seat)
        assert ledger.turn == game.hand.player
        spent = [int(chips) for chips in re.findall(r"P\d+: (\d+)", str(state).split("Spent:")[1])]
        assert [bet + old for bet, old in zip(ledger.bets, ledger.spent, strict=True)] == spent
        assert (FOLD in legal) == (ledger.to_call(ledger.turn) > 0)
        assert (RAISE in legal) == (ledger.raises_left > 0)


@pytest.mark.parametrize("seats", [2, 3, 6])
def test_chips_are_conserved_and_returns_are_the_sum_of_rewards(seats):
    totals, result = np.zeros(seats), None
    for _, result, _, _ in session(seats, hands=5):
        assert sum(result.rewards) == pytest.approx(0)
        totals += result.rewards
    assert result.returns == pytest.approx(tuple(totals))


@pytest.mark.parametrize("seats", [2, 3, 6])
def test_the_button_moves_one_seat_a_hand(seats):
    buttons = {}
    for game, _, _, _ in session(seats, hands=7):
        buttons[len(game.hands)] = game.button()
    assert all(after == (before + 1) % seats for before, after in pairwise(buttons.values()))


def test_heads_up_the_button_posts_the_small_blind_and_acts_first_then_last():
    game = Holdem(2, {"hands": 1})
    result = game.reset(key("test"))
    button = game.button()
    assert result.due == (button,)
    assert game.ledger.bets[game.player_of(button)] == 5
    game.step({button: Move(CALL)})
    result = game.step({1 - button: Move(CALL)})
    assert len(game.board()) == 3
    assert result.due == (1 - button,)


@pytest.mark.parametrize("seats", [3, 6])
def test_the_blinds_come_after_the_button(seats):
    game = Holdem(seats, {"hands": 1})
    result = game.reset(key("test"))
    bets = [game.ledger.bets[game.player_of((game.button() + step) % seats)] for step in range(seats)]
    assert bets == [0, 5, 10] + [0] * (seats - 3)
    assert result.due == ((game.button() + 3) % seats,)


def test_bets_double_on_the_turn_and_are_capped():
    ledger = Ledger.start(2)
    for _ in range(3):
        ledger = ledger.after(RAISE)
    assert (ledger.bets, ledger.raises_left) == ((30, 40), 0) or (ledger.bets, ledger.raises_left) == ((40, 30), 0)
    ledger = ledger.after(CALL).after(CALL).after(CALL)
    assert (ledger.round, ledger.pot) == (2, 80)
    for total in (20, 40, 60, 80):
        ledger = ledger.after(RAISE)
        assert max(ledger.bets) == total
    assert ledger.raises_left == 0


def test_the_same_cards_come_whatever_the_players_do():
    dealt = []
    for weights in (CALLS, {FOLD: 0.0, CALL: 1.0, RAISE: 0.0}):
        seen = {}
        for game, _, seat, _ in session(3, hands=4, weights=weights):
            if seat is not None:
                seen[len(game.hands), seat, game.board()] = game.hole(seat)
        dealt.append(seen)
    shared = dealt[0].keys() & dealt[1].keys()
    assert len(shared) > 20
    assert all(dealt[0][moment] == dealt[1][moment] for moment in shared)


def test_a_deck_holds_every_card_once():
    game = Holdem(6)
    game.reset(key("test"))
    assert len(game.decks) == 20
    assert all(sorted(deck) == list(range(52)) for deck in game.decks)


@pytest.mark.parametrize("seats", [2, 4])
@pytest.mark.parametrize("number", range(6))
def test_a_showdown_pays_the_best_hand(seats, number):
    game, result, *_ = list(session(seats, hands=1, number=number, weights=CALLS))[-1]
    worth = [plain_value((*game.hole(seat), *game.board())) for seat in range(seats)]
    winners = [seat for seat in range(seats) if worth[seat] == max(worth)]
    stake = game.ledger.pot / seats / 10
    for seat in range(seats):
        paid = game.ledger.pot / 10 / len(winners) if seat in winners else 0.0
        assert result.returns[seat] == pytest.approx(paid - stake)


def test_events_tell_only_cards_that_are_shown():
    for game, result, _, _ in session(3, hands=12, number=4):
        for event in result.events:
            told = {card(word.strip(",")) for word in event.split() if word.strip(",") in CODES}
            if "shows" not in event:
                decks = [game.decks[len(game.hands) - 1], game.decks[max(0, len(game.hands) - 2)]]
                assert told <= set(decks[0][6:11]) or told <= set(decks[1][6:11])
    folds = [game for game, result, *_ in session(3, hands=1, number=1) if result.ended != "none"]
    assert folds


def test_folded_cards_stay_hidden_after_the_end():
    for number in range(12):
        game = list(session(3, hands=1, number=number))[-1][0]
        for seat in range(3):
            if game.ledger.folded[game.player_of(seat)]:
                assert not game.visible((seat + 1) % 3, seat)
                codes = {CODES[one] for one in game.hole(seat)}
                assert not codes & set(game.observe((seat + 1) % 3, Views(text=True)).text.replace(",", " ").split())


def test_the_small_picture_differs_whenever_the_cards_differ():
    game = Holdem(2, {"hands": 1})
    seen = {}
    for number in range(60):
        result = game.reset(key("picture", number))
        while result.ended == "none":
            seat = result.due[0]
            picture = game.observe(seat, Views(image=(128, 128))).image.tobytes()
            shown = (seat, game.hole(seat), game.board())
            assert seen.setdefault(picture, shown) == shown
            result = game.step({seat: Move(CALL)})
    assert len(seen) > 300


def test_the_short_prompt_tells_no_card():
    for game, _, seat, _ in session(3, hands=6):
        if seat is None:
            break
        observation = game.observe(seat, Views(text=True))
        prompt = game.card().prompts["short"].format_map({**observation.facts, "legal": "", "text": ""})
        assert not set(re.findall(r"\w+", prompt)) & set(CODES)
        assert observation.facts["made"] not in prompt


@pytest.mark.parametrize(
    ("answer", "action"), [("fold", FOLD), ("Call", CALL), (" raise ", RAISE), ("bet", RAISE), (1, CALL)]
)
def test_plain_words_name_actions(answer, action):
    game = Holdem(2)
    seat = game.reset(key("test")).due[0]
    assert game.parse(seat, answer).action == action


def test_check_is_a_call_only_when_it_is_free():
    game = Holdem(2)
    seat = game.reset(key("test")).due[0]
    with pytest.raises(IllegalActionError, match="5 chips to call"):
        game.parse(seat, "check")
    seat = game.step({seat: Move(CALL)}).due[0]
    assert game.parse(seat, "check") == Move(CALL)
    with pytest.raises(IllegalActionError, match="fold is not legal"):
        game.parse(seat, "fold")


@pytest.mark.parametrize("answer", ["I fold", "all in", "", None, 7, True])
def test_anything_else_is_unparsable(answer):
    game = Holdem(2)
    seat = game.reset(key("test")).due[0]
    with pytest.raises(UnparsableAnswerError):
        game.parse(seat, answer)


def test_a_fault_checks_if_free_and_folds_otherwise():
    game = Holdem(2)
    seat = game.reset(key("test")).due[0]
    assert game.default_action(seat) == FOLD
    seat = game.step({seat: Move(CALL)}).due[0]
    assert game.default_action(seat) == CALL


def test_a_session_cut_short_scores_the_finished_hands():
    totals = np.zeros(2)
    for game, result, _, _ in session(2, hands=9):
        totals += result.rewards
        if len(game.hands) == 5:
            break
    assert game.score(totals.tolist()) == pytest.approx(tuple(totals * 9 / 4))


def test_the_declared_width_is_the_vectors():
    assert Holdem.spec.vector_shape == (WIDTH,)


def test_lessons_say_what_is_seen_first():
    chance = np.random.default_rng(1)
    seen: list[Lesson] = []
    while len(seen) < 60:
        seen += lessons(chance)
    for lesson in seen:
        facts = lesson.observation.facts
        assert lesson.thought.startswith(f"I hold {facts['hand']}. Board {facts['board']}. I have {facts['made']}, ")
    assert {lesson.answer for lesson in seen} == {"fold", "call", "raise"}


def test_people_are_told_what_an_action_amounts_to():
    for game, _, seat, action in session(3, hands=4):
        facts = game.observe(0 if seat is None else seat, Views(text=True)).facts
        labels = {key: value for key, value in facts.items() if key.startswith("label.")}
        if seat is None:
            assert labels == {}
            continue
        assert set(labels) == {f"label.{game.spec.actions.names[legal]}" for legal in game.legal(seat)}
        word = game.ledger.after(action).log[-1].word  # as the table is told it: "calls 10", "raises to 20"
        assert labels[f"label.{game.spec.actions.names[action]}"] == re.sub("^([a-z]+)s\\b", "\\1", word)

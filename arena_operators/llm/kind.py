"""The description of `llm`, without heavy imports: a language model that reads its seat's text, in any text game.

The code is that of `vlm`. `llm` alone is smollm2; `llm:DIR` and `llm:ORG/MODEL` name any other Hugging Face model, also
one that could see: it is asked in words then.
"""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from arena.operator import OperatorKind
from arena_operators.vlm import kind as vlm

CHANGED = {
    "temperature": "of sampling, drawn from each turn's own key; 0 = greedy (default: 0.2 for smollm2, 1 otherwise)",
    "max_tokens": "tokens an answer may take (default: 32 for smollm2, 256 otherwise)",
    "prompt": "short or full, the game's own, brief, or a FILE of yours (default: brief for smollm2, else full)",
    "device": "cpu or cuda[:N] (default: cpu for smollm2; otherwise cuda where there is one)",
    "batch": "rows of every forward pass, a fixed shape (default: 1 on cpu, 4 on cuda)",
}  # the help of options whose defaults are others than those of `vlm`

KIND = OperatorKind(
    name="llm",
    summary="a language model that reads its seat's text and needs no picture (default: SmolLM2-135M-Instruct)",
    target="arena_operators.vlm.operator:make_llm",
    learner="arena_operators.vlm.learner:load_llm",
    prompts="arena_operators.vlm.shown:prompts_of_llm",
    template=partial(vlm.template_of, kind="llm"),
    views=partial(vlm.views, kind="llm"),
    resolve_options=partial(vlm.resolve_options, kind="llm"),
    fingerprint=partial(vlm.fingerprint, kind="llm"),
    declared=partial(vlm.declared, kind="llm"),
    what="smollm2 (default) | DIR | ORG/MODEL, a Hugging Face language model; DIR may be a peft adapter of one | "
    "MODEL of a server (@url=...)",
    options={
        name: replace(option, help=CHANGED.get(name, option.help))
        for name, option in vlm.KIND.options.items()
        if name not in ("image", "pictures", "history_pictures")
    },
    max_in_flight=partial(vlm.max_in_flight, kind="llm"),
    memory=partial(vlm.memory, kind="llm"),
    runtimes=partial(vlm.runtimes, kind="llm"),
    extra=vlm.KIND.extra,
    determinism="measured",
    licence="smollm2: Apache-2.0; any other model under its own licence",
)

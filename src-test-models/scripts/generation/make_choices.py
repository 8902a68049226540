"""What transformers' logits processors make of logits, in `generate`'s order: `python make_choices.py choices.json`."""
import json
import sys

import torch
from transformers.generation import logits_process as P

g = torch.Generator().manual_seed(1)
cases = []
for number in range(60):
    size = 12
    pick = lambda *of: of[int(torch.randint(len(of), (1,), generator=g))]
    logits = (torch.randn(size, generator=g) * pick(0.5, 2, 6)).round(decimals=3)
    if pick(False, True):
        logits[3] = logits[7]  # ties
    tokens = torch.randint(size, (pick(1, 4, 9),), generator=g).tolist()
    prompt = int(torch.randint(1, len(tokens) + 1, (1,), generator=g))
    o = {
        "temperature": pick(0.3, 1.0, 2.5),
        "topK": pick(0, 1, 3, 8, 50),
        "topP": pick(1.0, 0.9, 0.5, 0.05),
        "minP": pick(0.0, 0.0, 0.05, 0.4),
        "repetitionPenalty": pick(1.0, 1.3, 0.7),
        "minNewTokens": pick(0, 3, 8),
        "stopTokens": pick([], [2], [2, 5]),
        "logitBias": pick({}, {"1": 2.0}, {"4": -3.5, "9": 1.0}),
    }
    ids, scores = torch.tensor([tokens]), logits[None].clone()
    steps = []
    if o["logitBias"]:
        steps.append(P.SequenceBiasLogitsProcessor({(int(k),): v for k, v in o["logitBias"].items()}))
    if o["repetitionPenalty"] != 1:
        steps.append(P.RepetitionPenaltyLogitsProcessor(o["repetitionPenalty"]))
    if o["minNewTokens"] and o["stopTokens"]:
        steps.append(P.MinNewTokensLengthLogitsProcessor(prompt, o["minNewTokens"], torch.tensor(o["stopTokens"])))
    if o["temperature"] != 1:
        steps.append(P.TemperatureLogitsWarper(o["temperature"]))
    if o["topK"]:
        steps.append(P.TopKLogitsWarper(o["topK"]))
    if o["topP"] < 1:
        steps.append(P.TopPLogitsWarper(o["topP"]))
    if o["minP"]:
        steps.append(P.MinPLogitsWarper(o["minP"]))
    for step in steps:
        scores = step(ids, scores)
    cases.append({"logits": [round(x, 3) for x in logits.tolist()], "tokens": tokens, "prompt": prompt, "options": o, "probabilities": [round(x, 7) for x in scores[0].softmax(-1).tolist()]})
with open(sys.argv[1], "w") as out:
    json.dump(cases, out, separators=(",", ":"))

#!/usr/bin/env python3
"""Runs Sonde and its peers in turn on one machine and writes the table of docs/benchmarks.md.

    python bench/side-by-side.py --models DIR --peers DIR --py-a PYTHON --py-b PYTHON [--only W4,W8] [--threads 1]
                                 [--tools sonde,nnsight] [--rounds 1] [--full] [--out DIR] [--table FILE]

--models is what make_models.py and reference.py of the peers' side wrote, --peers the folder of that side's w_all.py; --py-a has torch and
nnsight, --py-b also transformer-lens and pyvene. Tools take turns workload by workload, and round by round in another order; a later round's line does
not replace an earlier one: the table shows the median over the rounds and how far they lie apart (noise).
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ALL = ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "W10", "W11", "W12", "W13"]


def command(tool, args):
    if tool == "sonde":
        jar = HERE / "target" / "sonde-bench.jar"
        start = ["java", "-jar", str(jar)] if not args.classpath else ["java", "dev.sonde.bench.Main"]
        return start
    python = args.py_b if tool in ("tl", "pyvene") else args.py_a
    return [python, str(Path(args.peers) / "w_all.py"), "--tool", tool]


def run(tool, workload, args, out):
    file = out / f"{tool}-{workload}-{args.round}.json"
    file.unlink(missing_ok=True)
    line = command(tool, args) + ["--models", args.models, "--out", str(file), "--only", workload,
                                  "--threads", str(args.threads), "--full" if args.full else "--quick"]
    environment = dict(os.environ, TQDM_DISABLE="1", HF_HUB_OFFLINE="1", BENCH_TMP=tempfile.gettempdir())
    if args.classpath:
        environment["CLASSPATH"] = args.classpath
    with open(out / f"log-{tool}.txt", "a") as log:
        try:
            subprocess.run(line, stdout=log, stderr=log, env=environment, timeout=args.timeout)
        except subprocess.TimeoutExpired:
            print(f"{tool} {workload}: no answer within {args.timeout} s", file=sys.stderr)
    return [json.loads(x) for x in file.read_text().splitlines()] if file.exists() else []


def measure(args, out):
    lines = []
    for args.round in range(args.rounds):
        for workload in args.only:
            tools = args.tools[args.round % len(args.tools):] + args.tools[:args.round % len(args.tools)]
            for tool in tools:
                print(f"round {args.round + 1}: {workload} {tool}", file=sys.stderr, flush=True)
                lines += run(tool, workload, args, out)
    return lines


def machine():
    names = [x.split(":", 1)[1].strip() for x in open("/proc/cpuinfo") if x.startswith("model name")]
    memory = int(open("/proc/meminfo").readline().split()[1]) // 1024 // 1024
    return f"{names[0] if names else platform.processor()}, {len(names)} cores, {memory} GB, {platform.system()}"


def table(lines):
    groups = {}
    for line in lines:
        groups.setdefault((line["workload"], line["tool"], line["variant"]), []).append(line)
    rows = ["| | tool | variant | ms | x raw | apart | peak MB (PSS) | max error |", "|---|---|---|--:|--:|--:|--:|--:|"]
    for (workload, tool, variant), group in sorted(groups.items(), key=lambda x: (int(x[0][0][1:]), x[0][1], x[0][2])):
        bad = [x["error"] for x in group if "error" in x]
        if bad:
            rows.append(f"| {workload} | {tool} | {variant} | {bad[0][:60]} | | | | |")
            continue
        times = [x["median_ms"] for x in group if x.get("median_ms") is not None]
        ratios = [x["x_raw_median"] for x in group if x.get("x_raw_median") is not None]
        errors = [x["max_abs_err"] for x in group if x.get("max_abs_err") is not None]
        peaks = [x.get("peak_pss_mb") or x.get("peak_rss_mb") for x in group if x.get("peak_pss_mb") or x.get("peak_rss_mb")]
        rows.append("| " + " | ".join([
            workload, tool, variant,
            f"{statistics.median(times):,.3f}" if times else "",
            f"{statistics.median(ratios):.2f}" if ratios else "",
            f"{100 * (max(times) - min(times)) / statistics.median(times):.0f} %" if len(times) > 1 else "",
            f"{max(peaks):,}" if peaks else "",
            f"{max(errors):.1e}" if errors else ""]) + " |")
    return "\n".join(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", required=True)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--py-a", default="python3")
    parser.add_argument("--py-b", default="python3")
    parser.add_argument("--only", type=lambda x: x.split(","), default=ALL)
    parser.add_argument("--tools", type=lambda x: x.split(","), default=["sonde", "hooks", "nnsight", "tl", "ort"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=1200, help="seconds for one tool and workload")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--out", default=None)
    parser.add_argument("--table", default=None, help="file to write the table to; else it is printed")
    parser.add_argument("--classpath", default=None, help="classes of Sonde, instead of bench/target/sonde-bench.jar")
    args = parser.parse_args()
    out = Path(args.out or tempfile.mkdtemp(prefix="side-by-side-"))
    out.mkdir(parents=True, exist_ok=True)
    lines = measure(args, out)
    text = f"{machine()}; {args.threads} thread(s); {args.rounds} round(s), {'full' if args.full else 'quick'}.\n\n{table(lines)}\n"
    Path(args.table).write_text(text) if args.table else print(text)


if __name__ == "__main__":
    main()

"""Measures the peers on the instances: opt_einsum, cotengra, cotengrust, cgreedy and omeco, if installed.

    python -m venv venv && venv/bin/pip install opt_einsum cotengra cotengrust cgreedy omeco
    venv/bin/python benches/order/peers.py [--times 10ms,100ms,1s,10s] [--only REGEX] [--output FILE.json]

Each method runs on one thread in a separate process, which is stopped some time after the last time limit; import and
start are not timed. Its path is evaluated by tools/evalpath.py. A method without a time limit counts for every time
that it finishes in; a method with a time limit counts for that time, unless it exceeds it by more than a quarter.
Prints the table of mean gaps, and writes the best result of each instance and time, which
`python benches/order --peers FILE.json` reads.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time as clock

from common import all_seconds, evaluator, instances, mean_gaps, named, print_gaps

# How long a method may exceed the last time limit, as a fraction of it and in seconds.
GRACE = 0.25, 20.0
ONE_THREAD = {name: "1" for name in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}


def words(instance):
    """The instance in the format of the Python planners: labels are strings of one character."""
    name = {label: chr(0x10000 + k) for k, label in enumerate(instance["sizes"])}
    inputs = [[name[label] for label in tensor] for tensor in instance["inputs"]]
    sizes = {name[label]: size for label, size in instance["sizes"].items()}
    return inputs, [name[label] for label in instance["output"]], sizes


def opt_einsum_greedy(instance, limit):
    from opt_einsum.paths import greedy

    inputs, output, sizes = words(instance)
    return lambda: greedy([set(tensor) for tensor in inputs], set(output), sizes), False


def opt_einsum_random(instance, limit):
    from opt_einsum.path_random import RandomGreedy

    inputs, output, sizes = words(instance)
    search = RandomGreedy(max_repeats=10**9, max_time=limit)
    return lambda: search([set(tensor) for tensor in inputs], set(output), sizes), False


def cotengra_hyper(instance, limit):
    import cotengra

    inputs, output, sizes = words(instance)
    search = cotengra.HyperOptimizer(max_repeats=10**9, max_time=limit, parallel=False, progbar=False)
    return lambda: search.search(inputs, output, sizes).get_ssa_path(), True


def cotengra_auto(instance, limit):
    import cotengra

    inputs, output, sizes = words(instance)
    search = cotengra.AutoOptimizer(optimal_cutoff=250)
    return lambda: search.search(inputs, output, sizes).get_ssa_path(), True


def cotengrust_greedy(instance, limit):
    import cotengrust

    return lambda: cotengrust.optimize_greedy(*words(instance), use_ssa=True), True


def cotengrust_random(trials):
    def prepare(instance, limit):
        import cotengrust

        search = cotengrust.optimize_random_greedy_track_flops
        return lambda: search(*words(instance), ntrials=trials, seed=0, use_ssa=True)[0], True

    return prepare


def cotengrust_optimal(instance, limit):
    import cotengrust

    return lambda: cotengrust.optimize_optimal(*words(instance), minimize="flops", use_ssa=True), True


def cgreedy(instance, limit):
    from cgreedy import CGreedy

    inputs, output, sizes = words(instance)
    search = CGreedy(minimize="flops", max_repeats=10**9, max_time=limit, threads=1, is_linear=False)
    return lambda: search([frozenset(tensor) for tensor in inputs], frozenset(output), sizes), True


def steps(tree, leaves):
    """The SSA path of a tree of omeco, computed without recursion because trees can be deep."""
    path, ids, stack = [], [], [(tree, False)]
    while stack:
        node, seen = stack.pop()
        if "tensor_index" in node:
            ids.append(node["tensor_index"])
        elif seen:
            children = [ids.pop() for _ in node["args"]]
            ids.append(leaves + len(path))
            path.append(children)
        else:
            stack.append((node, True))
            stack.extend((child, False) for child in node["args"])
    return path


def omeco(method):
    def prepare(instance, limit):
        import omeco

        optimizer = {"greedy": omeco.GreedyMethod, "fast": omeco.TreeSA.fast, "full": omeco.TreeSA}[method]()
        ask = (instance["inputs"], instance["output"], instance["sizes"], optimizer)
        leaves = len(instance["inputs"])
        return lambda: steps(omeco.optimize_code(*ask).to_dict(), leaves), True

    return prepare


# By name: a function that prepares a search, and whether it takes a time limit.
METHODS = {
    "opt_einsum greedy": (opt_einsum_greedy, False),
    "opt_einsum random-greedy": (opt_einsum_random, True),
    "cotengra hyper": (cotengra_hyper, True),
    "cotengra auto": (cotengra_auto, False),
    "cotengrust greedy": (cotengrust_greedy, False),
    "cotengrust random 8": (cotengrust_random(8), False),
    "cotengrust random 128": (cotengrust_random(128), False),
    "cotengrust optimal": (cotengrust_optimal, False),
    "cgreedy": (cgreedy, True),
    "omeco greedy": (omeco("greedy"), False),
    "omeco TreeSA fast": (omeco("fast"), False),
    "omeco TreeSA": (omeco("full"), False),
}


def work(method, file, limit):
    """Runs one search in the process that `ask` starts."""
    instance = evaluator().load(file)
    search, ssa = METHODS[method][0](instance, limit)
    begin = clock.perf_counter()
    path = search()
    passed = clock.perf_counter() - begin
    flops = evaluator().evaluate(instance, [list(step) for step in path], ssa)["flops_log10"]
    print(json.dumps({"seconds": passed, "flops_log10": flops}))


def ask(method, file, limit, most):
    """Runs a method and returns its result, or the reason of its failure."""
    command = [sys.executable, __file__, "--work", method, str(file), str(limit)]
    try:
        wait, env = most * (1 + GRACE[0]) + GRACE[1], {**os.environ, **ONE_THREAD}
        done = subprocess.run(command, capture_output=True, text=True, timeout=wait, env=env)
        return json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"failed": "too slow"}
    except (IndexError, json.JSONDecodeError):
        lines = done.stderr.strip().splitlines()
        return {"failed": lines[-1] if lines else f"exit code {done.returncode}"}


def reached(file, times, methods):
    """The best result at each time, with the name of its method."""
    best = {time: None for time in times}
    for method in methods:
        limited = METHODS[method][1]
        for limit in times if limited else times[-1:]:
            answer = ask(method, file, limit, times[-1])
            print(f"{file.stem}: {method}{' ' + named(limit) if limited else ''}: {answer}", file=sys.stderr)
            if "failed" in answer:
                continue
            for time in times:
                kept = answer["seconds"] <= (time * (1 + GRACE[0]) if limited and time == limit else time)
                if kept and (best[time] is None or answer["flops_log10"] < best[time][0]):
                    best[time] = answer["flops_log10"], method
    return best


def main():
    if sys.argv[1:2] == ["--work"]:
        return work(sys.argv[2], sys.argv[3], float(sys.argv[4]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", default="10ms,100ms,1s,10s", type=all_seconds)
    parser.add_argument("--only", default="", type=re.compile, help="only instances that this matches")
    parser.add_argument("--methods", default="", type=re.compile, help="only methods that this matches")
    parser.add_argument("--output", help="a file for the table")
    options = parser.parse_args()
    methods = [method for method in METHODS if options.methods.search(method)]
    table, results = {}, {}
    for file, instance in instances(options.only):
        best = {time: found for time, found in reached(file, options.times, methods).items() if found}
        if not best:
            continue
        at = {named(time).replace(" ", ""): found[0] for time, found in best.items()}
        table[file.stem] = {"at": at, "best": min(at.values()), "by": {named(t): found[1] for t, found in best.items()}}
        for time, (flops, _) in best.items():
            results[file.stem, time] = [{"flops_log10": flops, "tensors": len(instance["inputs"])}]
    print_gaps(mean_gaps(results, table, options.times), options.times)
    if options.output:
        with open(options.output, "w") as file:
            json.dump(table, file, indent=1)


if __name__ == "__main__":
    main()

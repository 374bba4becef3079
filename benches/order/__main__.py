"""Compares the orders of `einfold order` with the targets and the peers.

    cargo build --release -p einfold-cli
    python benches/order target/release/einfold [--times 10ms,100ms,1s,10s] [--seeds 5] [--only REGEX] [--output FILE]

Every instance is ordered on one thread, in a separate process, for each time and seed. The printed paths are evaluated
by tools/evalpath.py beside the instances, sliced ones by sliced.py; both must agree with the printed costs. The results
of the peers are read from peers.md, or with --peers from the file that `peers.py` writes.
"""

import argparse
import json
import math
import re
import statistics
import subprocess
import sys

import sliced
from common import TOLERANCE, all_seconds, best_known, evaluator, instances, mean_gaps
from common import measured_peers, named, print_gaps

# By size class of networks, at 10 ms, 100 ms, 1 s and 10 s.
TARGETS = {
    "<= 12": [0, 0, 0, 0],
    "13-64": [0.05, 0, 0, 0],
    "65-250": [0.13, -0.01, -0.04, -0.05],
    "251-1100": [0.05, -0.07, -0.13, -0.15],
    "> 1100": [0.60, -0.13, -0.35, -0.45],
}
TARGETS = {(name, time): goal for name, row in TARGETS.items() for time, goal in zip([0.01, 0.1, 1.0, 10.0], row)}
# Upper bounds of medians for single networks: time, bound.
SINGLE = [
    ("ctg_sycamore_n53_m20_s0_e0_pABCDCDAB", 1.0, 18.05),
    ("ctg_sycamore_n53_m20_s0_e0_pABCDCDAB", 10.0, 18.00),
    ("syc_m20_full", 1.0, 18.10),
    ("syc_m20_full", 10.0, 18.05),
    ("ome_sycamore_53_20_0", 1.0, 18.10),
    ("ome_sycamore_53_20_0", 10.0, 18.05),
    ("regular_1000_3", 10.0, 38.0),
    ("ome_ksg", 10.0, 11.0),
    ("ome_rg3", 10.0, 8.62),
    ("ctg_rand_50_5_a", 0.1, 16.05),
    ("str_matrix_chain_multiplication_100", 0.01, 8.1664),
    ("lattice_64x64", 10.0, 23.6),
]
# Sliced so that no intermediate exceeds 2^30 elements: the upper bound at 2 s; it is 0.5 lower at 10 s.
SLICED = {
    "ctg_sycamore_n53_m20_s0_e0_pABCDCDAB": 23.0,
    "lattice_6x6x6": 16.5,
    "regular_100_4": 15.5,
    "ctg_rand_50_5_a": 17.2,
}
ELEMENTS = 30


def order(binary, file, time, seed, *options):
    """Runs `einfold order` and returns its output."""
    command = [binary, "order", file, "--time", f"{time * 1e6:.0f}us", "--seed", str(seed), "--threads", "1", "--json"]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{file.stem}: {done.stderr or done.stdout}")
    return json.loads(done.stdout)


def disagreements(instance, run):
    """Lists differences between the printed costs and independent evaluations."""
    if run.get("slices"):
        label = lambda axis: int(axis) if axis.lstrip("-").isdigit() else axis
        slices = [(label(slice["axis"]), slice["parts"]) for slice in run["slices"]]
        return differences(run, sliced.evaluate(instance, run["ssa_path"], slices), "sliced")
    wrong = []
    for form, ssa in (("path", False), ("ssa_path", True)):
        counted = evaluator().evaluate(instance, run[form], ssa)
        wrong += differences(run, counted, form) + ([f"{form} leaves tensors"] if counted["leftover"] else [])
    return wrong


def differences(run, counted, what):
    # From 1e300 on the evaluator is accurate to one binary digit; it returns 0 as the logarithm of 0.
    near = lambda value: 1e-6 if value < 299 else 1.0
    keys = ("flops_log10", "size_log2", "write_log10")
    different = [key for key in keys if abs(counted[key] - (run[key] or 0.0)) > near(counted[key])]
    return [f"{key} of {what}: {run[key]} for {counted[key]}" for key in different]


def measure(binary, found, times, seeds):
    """Runs every instance for every time and seed, and prints errors immediately."""
    results = {}
    for file, instance in found:
        for time in times:
            runs = [order(binary, file, time, seed) for seed in range(seeds)]
            for run in runs:
                for wrong in disagreements(instance, run):
                    print(f"WRONG {file.stem} {named(time)} seed {run['seed']}: {wrong}")
                if run["seconds"] > 1.05 * time + 0.001:
                    print(f"LATE {file.stem} {named(time)} seed {run['seed']}: {run['seconds']:.4f} s")
            results[file.stem, time] = runs
            logs = [run["flops_log10"] for run in runs]
            spread = f"{statistics.median(logs):.3f} of {min(logs):.3f}-{max(logs):.3f}"
            print(f"{file.stem} {named(time)}: {spread}", file=sys.stderr)
    return results


def middle(results, name, time):
    runs = results.get((name, time))
    return statistics.median(run["flops_log10"] for run in runs) if runs else None


def print_never_worse(results, peers):
    print("\nQ1: never worse than a peer in the same time, from 100 ms on")
    behind = 0
    for (name, time), runs in sorted(results.items()):
        there = peers.get(name, {"at": {}})["at"].get(time)
        if time >= 0.1 and there is not None and middle(results, name, time) > there + TOLERANCE:
            behind += 1
            print(f"  BEHIND {name} {named(time)}: {middle(results, name, time):.3f} for {there:.3f}")
    print(f"  {behind} behind")


def print_single(results):
    print("\nQ2: medians of single networks")
    for name, time, most in SINGLE:
        reached = middle(results, name, time)
        if reached is not None:
            # Targets have two digits, that of the matrix chain has four.
            missed = reached > most + (5e-5 if name.startswith("str_matrix") else TOLERANCE)
            print(f"  {name} {named(time)}: {reached:.4f} [{most:.4g}{' MISSED' if missed else ''}]")


def print_sliced(binary, found, times, seeds):
    print(f"\nQ3: in slices of 2^{ELEMENTS} elements at most, all slices together")
    for file, instance in found:
        for time in times if file.stem in SLICED else []:
            target = SLICED[file.stem] - (0.5 if time > 2.0 else 0.0)
            runs = [order(binary, file, time, seed, "--largest", f"2^{ELEMENTS}") for seed in range(seeds)]
            for run in runs:
                for wrong in disagreements(instance, run):
                    print(f"WRONG {file.stem} sliced {named(time)} seed {run['seed']}: {wrong}")
                if run["size_log2"] > ELEMENTS:
                    print(f"TOO LARGE {file.stem} {named(time)} seed {run['seed']}: 2^{run['size_log2']:.2f} elements")
            reached = statistics.median(run["flops_log10"] for run in runs)
            slices = statistics.median(math.prod(s["parts"] for s in run.get("slices", [])) for run in runs)
            missed = " MISSED" if reached > target + TOLERANCE else ""
            print(f"  {file.stem} {named(time)}: {reached:.3f} in {slices:g} slices [{target:.2f}{missed}]")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="the tool `einfold`")
    parser.add_argument("--times", default="10ms,100ms,1s,10s", type=all_seconds)
    parser.add_argument("--seeds", default=5, type=int, help="how many")
    parser.add_argument("--only", default="", type=re.compile, help="only instances that this matches")
    parser.add_argument("--peers", help="figures of the peers from this file of peers.py, and not from peers.md")
    parser.add_argument("--sliced-times", default="2s,10s", type=all_seconds)
    parser.add_argument("--output", help="a file for all runs, as JSON")
    options = parser.parse_args()
    found = instances(options.only)
    peers = measured_peers(options.peers) if options.peers else best_known(options.times)
    results = measure(options.binary, found, options.times, options.seeds)
    print_gaps(mean_gaps(results, peers, options.times), options.times, TARGETS)
    print_never_worse(results, peers)
    print_single(results)
    print_sliced(options.binary, found, options.sliced_times, options.seeds)
    if options.output:
        with open(options.output, "w") as file:
            json.dump([{"instance": name, **run} for (name, _), runs in results.items() for run in runs], file)


if __name__ == "__main__":
    main()

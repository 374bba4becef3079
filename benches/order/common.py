"""The instances, their independent evaluation, and tables by size of network."""

import importlib.util
import json
import math
import os
import re
import statistics
from pathlib import Path

SHARED = Path(os.environ.get("EINFOLD_SHARED", Path(__file__).parents[3] / "shared"))
# Upper bounds, inclusive, of the numbers of tensors of the size classes.
CLASSES = [("<= 12", 12), ("13-64", 64), ("65-250", 250), ("251-1100", 1100), ("> 1100", math.inf)]
# Excluded from the mean of its class, because its gaps exceed the sum of all others.
APART = {"regular_1000_3"}
# An order is worse than another if its decimal logarithm exceeds that of the other by more than this.
TOLERANCE = 0.005


def seconds(text):
    """`10ms`, `1s`."""
    number, unit = re.fullmatch(r"([\d.]+)(ms|s)", text).groups()
    return float(number) * {"ms": 1e-3, "s": 1.0}[unit]


def all_seconds(text):
    """Parses comma-separated times, in ascending order."""
    return sorted(seconds(time) for time in text.split(",") if time)


def named(time):
    return f"{time * 1e3:g} ms" if time < 1 else f"{time:g} s"


def evaluator():
    """The module that computes the cost of a path, independently of einfold."""
    spec = importlib.util.spec_from_file_location("evalpath", SHARED / "tools" / "evalpath.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def instances(only):
    """The instances whose names match, the smallest first; empty if the directory does not exist."""
    folder = SHARED / "data" / "instances"
    if not folder.is_dir():
        raise SystemExit(f"there are no instances: {folder} is not a folder (EINFOLD_SHARED names another)")
    load = evaluator().load
    found = [(file, load(file)) for file in sorted(folder.glob("*.json")) if only.search(file.stem)]
    return sorted(found, key=lambda item: (len(item[1]["inputs"]), item[0].stem))


def best_known(times):
    """The results of the peers in peers.md: for each instance the best at each time, and the best overall. The columns
    of published figures, which use another cost, and of the prototype are excluded."""
    rows = (SHARED / "data" / "instances" / "peers.md").read_text().splitlines()
    rows = [[cell.strip() for cell in row.strip("| \n").split("|")] for row in rows if row.startswith("|")]
    head, body = rows[0], rows[2:]
    times_at = [k for k, name in enumerate(head[:8]) if re.fullmatch(r"[\d.]+ m?s", name)]
    columns = {seconds(head[k].replace(" ", "")): k for k in times_at}
    table = {}
    for row in body:
        reached = {time: float(row[k]) for time, k in columns.items() if row[k] != "-"}
        at = {time: min((v for t, v in reached.items() if t <= time), default=None) for time in times}
        table[row[0]] = {"at": at, "best": min(reached.values())}
    return table


def measured_peers(file):
    """The same from a file that `peers.py` wrote."""
    rows = json.loads(Path(file).read_text())
    at = lambda row: {seconds(time): flops for time, flops in row["at"].items()}
    return {name: {"at": at(row), "best": row["best"]} for name, row in rows.items()}


def class_of(tensors):
    return next(name for name, most in CLASSES if tensors <= most)


def mean_gaps(results, peers, times):
    """For each size class and time, the mean gap of the medians to the best result of the peers at any time."""
    gaps = {}
    for (name, time), runs in results.items():
        if name in peers and name not in APART:
            gap = statistics.median(run["flops_log10"] for run in runs) - peers[name]["best"]
            gaps.setdefault((class_of(runs[0]["tensors"]), time), []).append(gap)
    return {key: statistics.mean(values) for key, values in gaps.items()}


def print_gaps(gaps, times, targets=None):
    note = " [targets in brackets]" if targets else ""
    print(f"Mean log10 gap to the best peer at any time; negative is better{note}")
    print("| tensors |" + "".join(f" {named(time)} |" for time in times))
    print("|---|" + "---|" * len(times))
    for name, _ in CLASSES:
        cells = []
        for time in times:
            gap = gaps.get((name, time))
            target = (targets or {}).get((name, time))
            cell = "-" if gap is None else f"{gap:+.3f}"
            if target is not None and gap is not None:
                cell += f" [{target:+.2f}{'' if gap <= target + TOLERANCE else ' MISSED'}]"
            cells.append(cell)
        print(f"| {name} | " + " | ".join(cells) + " |")

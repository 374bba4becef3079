"""The instances, their independent evaluation, and tables by size of network."""

import importlib.util
import json
import math
import os
import re
import statistics
from pathlib import Path

SHARED = Path(os.environ.get("EINFOLD_SHARED", Path(__file__).parents[3] / "shared"))
# Classes of networks by their number of tensors, up to and with this many.
CLASSES = [("<= 12", 12), ("13-64", 64), ("65-250", 250), ("251-1100", 1100), ("> 1100", math.inf)]
# Not in the mean of its class: its gaps are larger than those of all others together.
APART = {"regular_1000_3"}
# A plan is worse than another if it takes more than this much longer, as a decimal logarithm.
TOLERANCE = 0.005


def seconds(text):
    """`10ms`, `1s`."""
    number, unit = re.fullmatch(r"([\d.]+)(ms|s)", text).groups()
    return float(number) * {"ms": 1e-3, "s": 1.0}[unit]


def all_seconds(text):
    """Times with commas between them, ascending."""
    return sorted(seconds(time) for time in text.split(",") if time)


def named(time):
    return f"{time * 1e3:g} ms" if time < 1 else f"{time:g} s"


def evaluator():
    """The module that counts what a path costs, which shares nothing with einfold."""
    spec = importlib.util.spec_from_file_location("evalpath", SHARED / "tools" / "evalpath.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def instances(only):
    """The instances whose names match, the smallest first; none where the folder is not there."""
    folder = SHARED / "data" / "instances"
    if not folder.is_dir():
        raise SystemExit(f"there are no instances: {folder} is no folder (EINFOLD_SHARED names another)")
    load = evaluator().load
    found = [(file, load(file)) for file in sorted(folder.glob("*.json")) if only.search(file.stem)]
    return sorted(found, key=lambda item: (len(item[1]["inputs"]), item[0].stem))


def best_known(times):
    """What the peers reach by peers.md: for each instance the best at each of its times, and the best at any. The
    columns of published figures, which count otherwise, and of the prototype are left out."""
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
    """The same from a file of `peers.py`."""
    rows = json.loads(Path(file).read_text())
    at = lambda row: {seconds(time): flops for time, flops in row["at"].items()}
    return {name: {"at": at(row), "best": row["best"]} for name, row in rows.items()}


def class_of(tensors):
    return next(name for name, most in CLASSES if tensors <= most)


def mean_gaps(results, peers, times):
    """For each class of networks and time the mean of the medians' distance to the best of the peers at any time."""
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

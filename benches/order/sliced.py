"""Computes the cost of a sliced path, independently of einfold."""

import math
from collections import Counter


def evaluate(instance, path, slices):
    """Logarithms of the flops, the largest result and the elements written of an SSA path of pairs, over all slices.
    `slices` are pairs of a label and the number of slices of its axis, from the outermost loop to the innermost. A step
    runs once for each iteration of the loops down to the innermost one that it depends on."""
    loops = {label: depth for depth, (label, _) in enumerate(slices, 1)}
    turns = [math.prod(parts for _, parts in slices[:depth]) for depth in range(len(slices) + 1)]
    cut = dict(slices)
    sizes = {label: size // cut.get(label, 1) for label, size in instance["sizes"].items()}
    elements = lambda labels: math.prod(sizes[label] for label in labels)
    uses = Counter(label for tensor in instance["inputs"] for label in set(tensor))
    uses.update(instance["output"])
    terms = {}
    for k, tensor in enumerate(instance["inputs"]):
        depth = max((loops.get(label, 0) for label in tensor), default=0)
        terms[k] = {label for label in tensor if uses[label] > 1}, depth
    flops = written = largest = 0
    for k, step in enumerate(path):
        (a, depth_a), (b, depth_b) = (terms.pop(id) for id in step)
        depth = max(depth_a, depth_b)
        uses.subtract(a & b)
        result = {label for label in a | b if uses[label] > 1}
        flops += elements(a | b) * turns[depth]
        written += elements(result) * turns[depth]
        largest = max(largest, elements(result))
        terms[len(instance["inputs"]) + k] = result, depth
    return {"flops_log10": math.log10(flops), "size_log2": math.log2(largest), "write_log10": math.log10(written)}

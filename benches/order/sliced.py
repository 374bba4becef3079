"""What a sliced path costs, between two bounds: by a count of its own, which shares nothing with einfold."""

import math
from collections import Counter


def bounds(instance, path, slices):
    """Decimal logarithms of the flops of an SSA path of pairs, all slices together, and the binary one of the largest
    result of a slice. The first count has each step run as often as the sliced axes at or below it ask for, the second
    as often as there are slices. `slices` are pairs of a label and into how many parts its axis is cut."""
    parts = dict(slices)
    sizes = {label: size // parts.get(label, 1) for label, size in instance["sizes"].items()}
    uses = Counter(label for tensor in instance["inputs"] for label in set(tensor))
    uses.update(instance["output"])
    terms = {}
    for k, tensor in enumerate(instance["inputs"]):
        terms[k] = ({label for label in tensor if uses[label] > 1}, {label for label in tensor if label in parts})
    product = lambda labels, of: math.prod(of[label] for label in labels)
    least = most = largest = 0
    for k, step in enumerate(path):
        (a, sliced_a), (b, sliced_b) = (terms.pop(id) for id in step)
        sliced, flops = sliced_a | sliced_b, product(a | b, sizes)
        least += flops * product(sliced, parts)
        most += flops * math.prod(parts.values())
        uses.subtract(a & b)
        result = {label for label in a | b if uses[label] > 1}
        largest = max(largest, product(result, sizes))
        terms[len(instance["inputs"]) + k] = (result, sliced)
    return math.log10(least), math.log10(most), math.log2(largest)

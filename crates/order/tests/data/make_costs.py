"""Makes costs.txt: networks, paths and their costs, computed by an evaluator that shares nothing with this crate.

    python3 make_costs.py evalpath.py INSTANCES > costs.txt

needs opt_einsum. `evalpath.py` is the reference for flops, size and write; it is made to return integers instead of their
logarithms. The peak is computed here: results are alive from the product that makes
them to the end of the product that uses them. INSTANCES is a folder of networks as JSON; the small ones are taken.

A line is: name|inputs|output|extents|form of the path|path|flops|size|write|peak, lists within lists split by `;` and `.`.
"""
import glob, json, os, random, sys
import opt_einsum


def exact_evaluate(path_to_evalpath):
    source = open(path_to_evalpath).read()
    source = source.replace("    lg=lambda", "    return F,S,W\n    lg=lambda", 1)
    source = source.replace("math.log2(v)", "0")  # not needed, and there are axes of extent 0
    scope = {"__name__": "evalpath"}
    exec(source, scope)
    return scope["evaluate"]


def peak(instance, path, ssa):
    """Most elements of results alive at once."""
    sizes, kept = instance["sizes"], set(instance["output"])
    terms = {i: (set(t), None) for i, t in enumerate(instance["inputs"])}
    order, alive, most, fresh = list(range(len(terms))), {}, 0, len(terms)

    def needed(axes):
        others = [t for t, _ in terms.values()]
        return {x for x in axes if x in kept or any(x in t for t in others)}

    for step in path:
        ids = list(step) if ssa else [order[p] for p in step]
        order = [i for i in order if i not in ids]
        axes, made = terms.pop(ids[0])
        for i in ids[1:]:
            other, other_made = terms.pop(i)
            axes = needed(axes | other)
            size = 1
            for x in axes:
                size *= sizes[x]
            new = object()
            alive[new] = size
            most = max(most, sum(alive.values()))
            alive.pop(made, None), alive.pop(other_made, None)
            made = new
        terms[fresh] = (axes, made)
        order.append(fresh)
        fresh += 1
    return most


def random_network(rng):
    tensors, axes = rng.randint(1, 12), rng.randint(1, 14)
    sizes = {x: rng.choice([1, 2, 2, 3, 5, 7, 16, 1000]) for x in range(axes)}
    if rng.random() < 0.1:
        sizes[rng.randrange(axes)] = 0
    if rng.random() < 0.1:
        sizes[rng.randrange(axes)] = 2**63 - 1
    inputs = [[rng.randrange(axes) for _ in range(rng.randint(0, 4))] for _ in range(tensors)]
    used = sorted({x for t in inputs for x in t})
    output = rng.sample(used, rng.randint(0, min(3, len(used))))
    return dict(inputs=inputs, output=output, sizes=sizes)


def random_path(rng, tensors, ssa):
    """A path with steps of one to four tensors."""
    live, path, fresh = list(range(tensors)), [], tensors
    while len(live) > 1:
        picked = rng.sample(range(len(live)), min(len(live), rng.choice([1, 2, 2, 2, 2, 3, 4])))
        path.append([live[p] for p in picked] if ssa else picked)
        live = [t for p, t in enumerate(live) if p not in picked] + [fresh]
        fresh += 1
    return path


def greedy_path(instance):
    letter = opt_einsum.get_symbol
    text = ["".join(letter(x) for x in t) for t in instance["inputs"]]
    shapes = [tuple(instance["sizes"][x] for x in t) for t in instance["inputs"]]
    equation = ",".join(text) + "->" + "".join(letter(x) for x in instance["output"])
    return [list(step) for step in opt_einsum.contract_path(equation, *shapes, shapes=True, optimize="greedy")[0]]


def lines(evaluate, name, instance, paths):
    nested = lambda rows: ";".join(".".join(map(str, row)) for row in rows)
    extents = [instance["sizes"].get(x, 1) for x in range(max(instance["sizes"], default=-1) + 1)]
    for form, path in paths:
        flops, size, write = evaluate(instance, path, form == "ssa")
        most = peak(instance, path, form == "ssa")
        fields = [name, nested(instance["inputs"]), nested([instance["output"]]), nested([extents]), form, nested(path)]
        yield "|".join(map(str, fields + [flops, size, write, most]))


def main():
    evaluate, rng = exact_evaluate(sys.argv[1]), random.Random(1)
    for number in range(100):
        instance = random_network(rng)
        forms = ["ssa", "linear"]
        paths = [(form, random_path(rng, len(instance["inputs"]), form == "ssa")) for form in forms]
        print(*lines(evaluate, f"random_{number}", instance, paths), sep="\n")
    for file in sorted(glob.glob(os.path.join(sys.argv[2], "*.json"))):
        instance = json.load(open(file))
        instance["sizes"] = {int(x): size for x, size in instance["sizes"].items()}
        if len(instance["inputs"]) > 120:
            continue
        paths = [("linear", greedy_path(instance)), ("ssa", random_path(rng, len(instance["inputs"]), True))]
        published = list(instance["reference"].get("published_paths", {}).values())[:1]
        paths += [("linear", p["path"] if isinstance(p, dict) else p) for p in published]
        print(*lines(evaluate, instance["name"], instance, paths), sep="\n")


main()

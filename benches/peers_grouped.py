"""Grouped reductions, gathers, semirings and the examples of the language: einfold against its peers, in turns, in one run.

    cargo build --release -p einfold-benches --bin serve
    python benches/peers_grouped.py target/release/serve [--only REGEX] [--turns N] [--threads N]

Each peer that is installed takes part: numpy, pandas, numpy_groupies, numba, torch, jax. Prints the median time of each, and the
ratio of einfold's to that of the best peer: below 1 einfold is faster. Peers make a new result in each turn, as einfold does; what a
peer prepares once (compilation, conversion to its own arrays) is not timed. Results are compared with each other.
"""

import argparse
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np


def optional(name):
    try:
        return __import__(name, fromlist=["_"])
    except ImportError:
        return None


pd, npg, numba, torch, jax = map(optional, ["pandas", "numpy_groupies", "numba", "torch", "jax"])
if jax:
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy


class Served:
    """einfold in another process, on the same data."""

    def __init__(self, binary, threads):
        self.process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.threads = threads
        self.folder = tempfile.TemporaryDirectory()

    def ask(self, *words):
        self.process.stdin.write("\t".join(words) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer.startswith("error") or not answer:
            raise RuntimeError(answer or "einfold ended")
        return answer

    def plan(self, text, operands, algebra="sum-product"):
        words = []
        for k, x in enumerate(operands):
            file = Path(self.folder.name) / f"{k}.raw"
            np.ascontiguousarray(x).tofile(file)
            letter = {"f": "f", "i": "i"}[x.dtype.kind] + str(8 * x.itemsize)
            words.append(f"{letter} {'x'.join(map(str, x.shape))} {file}")
        self.ask("plan", algebra, text.replace("\n", "\\n"), str(self.threads), *words)

    def run(self):
        return float(self.ask("run"))

    def result(self):
        file = Path(self.folder.name) / "result.raw"
        dtype, _, shape = self.ask("save", str(file)).partition(" ")
        shape = [int(e) for e in shape.split("x")] if shape else []
        return np.fromfile(file, dtype[0] + str(int(dtype[1:]) // 8)).reshape(shape)


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(served, name, text, operands, peers, turns, algebra="sum-product", tolerance=1e-4):
    """`peers` are functions without arguments that give the result, by name."""
    served.plan(text, operands, algebra)
    served.run()
    ours = served.result()
    for peer in list(peers):
        try:
            theirs = np.asarray(peers[peer]())
        except Exception as error:
            print(f"{name:<34} {peer}: {type(error).__name__}: {str(error)[:90]}")
            del peers[peer]
            continue
        scale = np.abs(ours[np.isfinite(ours)]).max(initial=1)
        close = np.allclose(ours.ravel(), theirs.ravel(), rtol=tolerance, atol=tolerance * scale, equal_nan=True)
        if not close:
            print(f"{name:<34} {peer}: another result")
    times = {peer: [] for peer in ["einfold", *peers]}
    for _ in range(turns):
        times["einfold"].append(served.run())
        for peer, work in peers.items():
            times[peer].append(timed(work))
    medians = {peer: statistics.median(t) for peer, t in times.items()}
    mine = medians.pop("einfold")
    best = min(medians, key=medians.get, default=None)
    ratio = f"{mine / medians[best]:6.2f} of {best}" if best else ""
    rest = ", ".join(f"{peer} {t * 1e3:.2f}" for peer, t in sorted(medians.items(), key=lambda x: x[1]))
    print(f"{name:<34} einfold {mine * 1e3:8.2f} ms {ratio:<22} ({rest})", flush=True)


def reduced(x):
    """Rows summed to a number as fast as memory allows: the read bandwidth."""
    return x.sum()


def grouped_peers(op, x, g, k, is_sorted):
    """What the peers offer for `Y[g[n], ...] op= x[n, ...]`, except for empty groups, of which there are none."""
    peers = {}
    flat = x.ndim == 1
    starts = np.flatnonzero(np.diff(g, prepend=-1)) if is_sorted else None
    ufunc = {"sum": np.add, "max": np.maximum, "min": np.minimum, "prod": np.multiply}.get(op)
    if op == "sum" and flat:
        peers["np.bincount"] = lambda: np.bincount(g, x, k)
    if op == "mean" and flat:
        peers["np.bincount"] = lambda: np.bincount(g, x, k) / np.bincount(g, minlength=k)
    if ufunc and is_sorted and len(starts) == k:
        peers["np.reduceat"] = lambda: ufunc.reduceat(x, starts)
    if ufunc:
        start = {"sum": 0, "max": -np.inf, "min": np.inf, "prod": 1}[op]

        def at():
            y = np.full((k, *x.shape[1:]), start, x.dtype)
            ufunc.at(y, g, x)
            return y

        peers["np.ufunc.at"] = at
    if pd:
        frame = pd.DataFrame(x) if not flat else pd.Series(x)
        peers["pandas"] = lambda: getattr(frame.groupby(g, sort=False), op)().sort_index().to_numpy()
        if is_sorted:
            peers["pandas"] = lambda: getattr(frame.groupby(g, sort=True), op)().to_numpy()
    if npg and flat:
        peers["numpy_groupies"] = lambda: npg.aggregate(g, x, func=op, size=k)
    if npg and numba and flat:
        peers["npg numba"] = lambda: npg.aggregate_nb(g, x, func=op, size=k)
    if torch:
        tx, tg = torch.from_numpy(x), torch.from_numpy(g)
        shape = (k, *x.shape[1:])
        if op == "sum":
            peers["torch index_add"] = lambda: torch.zeros(shape, dtype=tx.dtype).index_add_(0, tg, tx).numpy()
        name = {"sum": "sum", "max": "amax", "min": "amin", "prod": "prod", "mean": "mean"}[op]
        wide = tg.long() if flat else tg.long()[:, None].expand(x.shape)
        begin = {"max": -np.inf, "min": np.inf, "prod": 1}.get(op, 0)

        def scatter():
            y = torch.full(shape, float(begin), dtype=tx.dtype)
            return y.scatter_reduce_(0, wide, tx, name, include_self=op != "mean").numpy()

        peers["torch scatter_reduce"] = scatter
    if jax:
        jx, jg = jnp.asarray(x), jnp.asarray(g)
        segment = getattr(jax.ops, f"segment_{op}", None)
        if segment:
            sums = jax.jit(lambda x, g: segment(x, g, k, indices_are_sorted=is_sorted))
            peers["jax"] = lambda: sums(jx, jg).block_until_ready()
        elif op == "mean":
            add = jax.ops.segment_sum
            means = jax.jit(lambda x, g: add(x, g, k) / add(jnp.ones_like(x), g, k))
            peers["jax"] = lambda: means(jx, jg).block_until_ready()
    return peers


ASSIGN = {"sum": "+=", "max": "max=", "min": "min=", "prod": "*=", "mean": "mean="}


def grouped(served, options):
    rng = np.random.default_rng(0)
    n = 10_000_000
    cases = [
        (op, dtype, ids, k, is_sorted)
        for op, dtypes in [("sum", "df"), ("max", "df"), ("mean", "d"), ("min", "d"), ("prod", "d")]
        for dtype in dtypes
        for ids in ([np.int64, np.int32] if op == "sum" and dtype == "d" else [np.int64])
        for k in [1000, 1_000_000]
        for is_sorted in [True, False]
    ]
    for op, dtype, ids, k, is_sorted in cases:
        order = "sorted" if is_sorted else "unsorted"
        name = f"{op} {np.dtype(dtype)} {n:.0e} {np.dtype(ids)} {k:.0e} {order}".replace("+0", "")
        if not options.only.search(name):
            continue
        g = np.concatenate([np.arange(k), rng.integers(0, k, n - k)]).astype(ids)
        g = np.sort(g) if is_sorted else rng.permutation(g)
        x = rng.uniform(0.99, 1.01, n).astype(dtype)
        text = f"Y[g[n]:{k}] {ASSIGN[op]} x[n]"
        compare(served, name, text, [g, x], grouped_peers(op, x, g, k, is_sorted), options.turns)
    for op, k, is_sorted in [(o, k, s) for o in ["sum", "max", "mean"] for k in [1000, 1_000_000] for s in [True, False]]:
        name = f"{op} float64 [1e6, 32] {k:.0e} {'sorted' if is_sorted else 'unsorted'}".replace("+0", "")
        if not options.only.search(name):
            continue
        g = np.concatenate([np.arange(k), rng.integers(0, k, 1_000_000 - k)]).astype(np.int64)
        g = np.sort(g) if is_sorted else rng.permutation(g)
        x = rng.uniform(0.99, 1.01, (1_000_000, 32))
        text = f"Y[g[n]:{k},f] {ASSIGN[op]} X[n,f]"
        compare(served, name, text, [g, x], grouped_peers(op, x, g, k, is_sorted), options.turns)


def gathers(served, options):
    rng = np.random.default_rng(1)
    cases = []
    for rows, width in [(1_000_000, 32), (10_000_000, 1)]:
        table, g = rng.uniform(size=(100_000, width)), rng.integers(0, 100_000, rows)
        table = table if width > 1 else table[:, 0]
        text = "Y[n,f] = X[g[n],f]" if width > 1 else "Y[n] = X[g[n]]"
        peers = {"np.take": lambda t=table, g=g: t.take(g, axis=0)}
        if torch:
            tt, tg = torch.from_numpy(table), torch.from_numpy(g)
            peers["torch"] = lambda t=tt, g=tg: t.index_select(0, g).numpy()
        if jax:
            take = jax.jit(lambda t, g: t.at[g].get(mode="promise_in_bounds"))
            peers["jax"] = lambda take=take, t=jnp.asarray(table), g=jnp.asarray(g): take(t, g).block_until_ready()
        cases.append((f"gather [{rows:.0e}, {width}]".replace("+0", ""), text, [table, g], peers))
    entries, nodes = 5_000_000, 500_000
    row, col = np.sort(rng.integers(0, nodes, entries)), rng.integers(0, nodes, entries)
    val, x = rng.uniform(size=entries), rng.uniform(size=nodes)
    dense = rng.uniform(size=(nodes, 16))
    sparse = optional("scipy.sparse")
    for name, text, right in [
        ("sparse matvec", f"Y[row[e]:{nodes}] += val[e]*K[col[e]]", x),
        ("sparse x dense 16", f"Y[row[e]:{nodes},f] += val[e]*K[col[e],f]", dense),
    ]:
        weights = val if right.ndim == 1 else val[:, None]
        peers = {"np.add.at": lambda w=weights, r=right: at_sum(nodes, row, w * r[col])}
        if right.ndim == 1:
            peers["np.bincount"] = lambda: np.bincount(row, val * x[col], nodes)
        if sparse:
            matrix = sparse.csr_array((val, (row, col)), (nodes, nodes))
            peers["scipy csr (built before)"] = lambda m=matrix, r=right: m @ r
        if jax:
            run = jax.jit(lambda w, r, row, col: jax.ops.segment_sum(w * r[col], row, nodes))
            arguments = [jnp.asarray(a) for a in (weights, right, row, col)]
            peers["jax"] = lambda run=run, a=arguments: run(*a).block_until_ready()
        if torch:
            t = [torch.from_numpy(a) for a in (weights, right, row, col)]
            shape = (nodes, *right.shape[1:])

            def torch_sum(t=t, shape=shape):
                w, r, row, col = t
                return torch.zeros(shape, dtype=w.dtype).index_add_(0, row, w * r[col]).numpy()

            peers["torch"] = torch_sum
        cases.append((name, text, [row, val, right, col], peers))
    for name, text, operands, peers in cases:
        if options.only.search(name):
            compare(served, name, text, operands, peers, options.turns)


def at_sum(k, g, x):
    y = np.zeros((k, *x.shape[1:]))
    np.add.at(y, g, x)
    return y


def semirings(served, options):
    rng = np.random.default_rng(2)
    for n, dtype in [(512, np.float32), (512, np.float64)]:
        a, b = (rng.uniform(size=(n, n)).astype(dtype) for _ in range(2))
        for algebra, add, mul in [
            ("min-plus", "min", "add"),
            ("max-plus", "max", "add"),
            ("max-times", "max", "multiply"),
            ("min-times", "min", "multiply"),
            ("max-min", "max", "minimum"),
        ]:
            name = f"{algebra} {np.dtype(dtype)} {n}"
            if options.only.search(name):
                peers = semiring_peers(a, b, add, mul)
                compare(served, name, "ij,jk->ik", [a, b], peers, options.turns, algebra)


def semiring_peers(a, b, add, mul):
    n = len(a)
    best, combine = getattr(np, add + "imum"), getattr(np, mul)

    def by_rows():
        c = combine(a[:, :1], b[0])
        for j in range(1, n):
            best(c, combine(a[:, j, None], b[j]), out=c)
        return c

    def by_results():
        c, bt = np.empty_like(a), np.ascontiguousarray(b.T)
        for i in range(n):
            c[i] = getattr(combine(a[i], bt), add)(axis=1)
        return c

    peers = {"numpy by terms": by_rows, "numpy by rows": by_results}
    if jax:
        jadd, jmul = getattr(jnp, add), getattr(jnp, mul)
        run = jax.jit(lambda a, b: jadd(jmul(a[:, :, None], b[None]), axis=1))
        swapped = jax.jit(lambda a, b: jadd(jmul(a[:, None, :], b.T[None]), axis=2))
        ja, jb = jnp.asarray(a), jnp.asarray(b)
        peers["jax ijk"] = lambda: run(ja, jb).block_until_ready()
        peers["jax ikj"] = lambda: swapped(ja, jb).block_until_ready()
    if torch:
        ta, tb = torch.from_numpy(a), torch.from_numpy(b)
        tmul = getattr(torch, mul)
        tbest = getattr(torch, add + "imum")

        def torch_terms():
            c = tmul(ta[:, :1], tb[:1])
            for j in range(1, n):
                torch.__dict__[add + "imum"](c, tmul(ta[:, j, None], tb[j]), out=c)
            return c.numpy()

        def torch_rows():
            tbt = tb.T.contiguous()
            return torch.stack([getattr(tmul(ta[i], tbt), "a" + add)(1) for i in range(n)]).numpy()

        peers["torch by terms"], peers["torch by rows"] = torch_terms, torch_rows
    return peers


def examples(served, options):
    """The Gaussian-process example and the Kronecker product without building it."""
    rng = np.random.default_rng(3)
    for b in [300, 100_000]:
        a, n = 3, 10
        name = f"GP kernel a={a} N={n} b={b}"
        if options.only.search(name):
            gp(served, options, name, rng, a, n, b)
    for n in [40, 400]:
        name = f"Kronecker matvec {n}x{n}"
        if options.only.search(name):
            x, y, v = rng.uniform(size=(n, n)), rng.uniform(size=(n, n)), rng.uniform(size=n * n)
            peers = {"numpy": lambda: (x @ v.reshape(n, n) @ y.T).ravel()}
            if torch:
                tx, ty, tv = map(torch.from_numpy, (x, y, v))
                peers["torch"] = lambda: (tx @ tv.reshape(n, n) @ ty.T).ravel().numpy()
            if jax:
                run = jax.jit(lambda x, y, v: (x @ v.reshape(n, n) @ y.T).ravel())
                arguments = [jnp.asarray(z) for z in (x, y, v)]
                peers["jax"] = lambda: run(*arguments).block_until_ready()
            compare(served, name, "[i j], [k l], [(j l)] -> [(i k)]", [x, y, v], peers, options.turns)


def gp(served, options, name, rng, a, n, b):
    left, right, v = rng.uniform(size=(n, a, a)), rng.uniform(size=(n, b)), rng.uniform(size=a * b)
    w = v.reshape(a, b)
    peers = {
        "numpy einsum": lambda: np.einsum("Nca,Nb,ab->cb", left, right, w, optimize=True).ravel(),
        # Sum over N of (left_N @ w) scaled by right_N.
        "numpy products": lambda: ((left @ w) * right[:, None, :]).sum(0).ravel(),
        "numpy mixed": lambda: (np.tensordot(left, right, (0, 0)) * w[None]).sum(1).ravel(),
    }
    if torch:
        tl, tr, tw = map(torch.from_numpy, (left, right, w))
        peers["torch einsum"] = lambda: torch.einsum("Nca,Nb,ab->cb", tl, tr, tw).numpy().ravel()
        peers["torch mixed"] = lambda: (torch.einsum("Nca,Nb->cab", tl, tr) * tw).sum(1).numpy().ravel()
    if jax:
        jl, jr, jw = map(jnp.asarray, (left, right, w))
        einsum = jax.jit(lambda l, r, w: jnp.einsum("Nca,Nb,ab->cb", l, r, w).ravel())
        fused = jax.jit(lambda l, r, w: (jnp.einsum("Nca,Nb->cab", l, r) * w).sum(1).ravel())
        peers["jax einsum"] = lambda: einsum(jl, jr, jw).block_until_ready()
        peers["jax fused"] = lambda: fused(jl, jr, jw).block_until_ready()
    compare(served, name, "[N c a], [N b], [(a b)] -> [(c b)]", [left, right, v], peers, options.turns)


def pointwise(served, options):
    rng = np.random.default_rng(4)
    x = rng.uniform(-3, 3, 4_000_000)
    cases = [
        ("exp", "Y[n] = exp(x[n])", np.exp),
        ("log", "Y[n] = log(x[n]+4.0)", lambda x: np.log(x + 4.0)),
        ("sqrt", "Y[n] = sqrt(x[n]+4.0)", lambda x: np.sqrt(x + 4.0)),
        ("tanh", "Y[n] = tanh(x[n])", np.tanh),
        ("sin", "Y[n] = sin(x[n])", np.sin),
        ("quotient", "Y[n] = x[n]/(x[n]*x[n]+1.0)", lambda x: x / (x * x + 1.0)),
        ("where", "Y[n] = where(eq(x[n],0.0),1.0,x[n])", lambda x: np.where(x == 0.0, 1.0, x)),
    ]
    for dtype in [np.float64, np.float32]:
        for label, text, function in cases:
            name = f"{label} {np.dtype(dtype)} {len(x):.0e}".replace("+0", "")
            if options.only.search(name):
                values = x.astype(dtype)
                peers = {"numpy": lambda f=function, v=values: f(v)}
                compare(served, name, text, [values], peers, options.turns)
    m = rng.uniform(-3, 3, (2000, 1000))
    text = "M[i] max= X[i,j]; E[i,j] = exp(X[i,j]-M[i]); S[i] += E[i,j]; Y[i,j] = E[i,j]/S[i]"
    if options.only.search("softmax"):
        peers = {"numpy": lambda: (lambda e: e / e.sum(1, keepdims=True))(np.exp(m - m.max(1, keepdims=True)))}
        if torch:
            tm = torch.from_numpy(m)
            peers["torch"] = lambda: torch.softmax(tm, 1).numpy()
        if jax:
            run = jax.jit(lambda m: jax.nn.softmax(m, axis=1))
            jm = jnp.asarray(m)
            peers["jax"] = lambda: run(jm).block_until_ready()
        compare(served, "softmax [2000, 1000]", text, [m], peers, options.turns)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("serve", help="the binary of that name")
    parser.add_argument("--only", default="", type=re.compile, help="only what this matches")
    parser.add_argument("--turns", default=7, type=int)
    parser.add_argument("--threads", default=0, type=int, help="einfold's threads; 0: all")
    options = parser.parse_args()
    if torch and options.threads:
        torch.set_num_threads(options.threads)
    served = Served(options.serve, options.threads)
    x = np.ones(20_000_000)
    best = min(timed(x.sum) for _ in range(7))
    print(f"one thread of numpy reads {x.nbytes / best / 1e9:.1f} GB/s")
    for part in (grouped, gathers, semirings, examples, pointwise):
        part(served, options)


if __name__ == "__main__":
    main()

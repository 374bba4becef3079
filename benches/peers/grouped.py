"""Grouped reductions."""

import numpy as np

from common import compare, jax, jnp, npg, numba, pd, torch


def grouped_peers(op, x, g, k, is_sorted):
    """The functions of the peers for `Y[g[n], ...] op= x[n, ...]`; the data have no empty groups."""
    peers = {}
    flat = x.ndim == 1
    starts = np.flatnonzero(np.diff(g, prepend=-1)) if is_sorted else None
    ufunc = {"sum": np.add, "max": np.maximum, "min": np.minimum, "prod": np.multiply}.get(op)
    if op == "sum" and flat:
        peers["np.bincount"] = lambda: np.bincount(g, x, k)
    if op == "mean" and flat:
        peers["np.bincount"] = lambda: np.bincount(g, x, k) / np.bincount(g, minlength=k)
    if ufunc and is_sorted and len(starts) == k:
        peers["np.reduceat, starts given"] = lambda: ufunc.reduceat(x, starts)
        peers["np.reduceat"] = lambda: ufunc.reduceat(x, np.flatnonzero(np.diff(g, prepend=-1)))
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

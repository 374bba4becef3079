"""Gathers, and products with a sparse matrix in coordinate format."""

import numpy as np

from common import compare, jax, jnp, optional, torch


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

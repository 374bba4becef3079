"""Products in other algebras, the Gaussian-process example, and the Kronecker product without building it."""

import numpy as np

from common import compare, jax, jnp, torch


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

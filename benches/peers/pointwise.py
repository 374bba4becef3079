"""Elementwise functions, and softmax."""

import numpy as np

from common import compare, jax, jnp, torch


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

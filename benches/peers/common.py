"""Runs einfold in a separate process, and alternates between it and its peers."""

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
jnp = jax and jax.numpy
if jax:
    jax.config.update("jax_enable_x64", True)


class Served:
    """einfold in a separate process, on the same data."""

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
    """`peers` maps names to functions without arguments that return the result."""
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
    least = {peer: min(t) for peer, t in times.items()}
    ours = [medians.pop("einfold"), least.pop("einfold")]
    best = [min(t, key=t.get, default=None) for t in (medians, least)]
    ratios = [f"{mine / t[b]:5.2f} of {b}" if b else "" for mine, t, b in zip(ours, (medians, least), best)]
    rest = ", ".join(f"{peer} {t * 1e3:.2f}" for peer, t in sorted(medians.items(), key=lambda x: x[1]))
    print(f"{name:<34} {ours[0] * 1e3:8.2f} ms  {ratios[0]:<24} {ratios[1]:<24} ({rest})", flush=True)

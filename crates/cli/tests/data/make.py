#!/usr/bin/env python3
"""Makes the array files of these tests with NumPy, and NumPy's own text of the arrays to print.

    python make.py        # NumPy 2.4 or later; writes beside itself
"""
import os

import numpy as np
from numpy.lib import format as npy

HERE = os.path.dirname(os.path.abspath(__file__))
TYPES = ["bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]


def at(name):
    path = os.path.join(HERE, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def sample(dtype):
    """A 2x3 array of distinct values, extremes among them."""
    a = np.array([[0, 1, 2], [3, 100, 5]])
    kind = np.dtype(dtype).kind
    if kind == "b":
        return a % 2 == 1
    if kind in "iu":
        a = a.astype(dtype)
        a[0, 0], a[1, 1] = np.iinfo(dtype).min, np.iinfo(dtype).max
        return a
    a = a / 4 - 1
    return (a + 1j * a.T.reshape(2, 3)).astype(dtype) if kind == "c" else a.astype(dtype)


def layouts():
    for dtype in TYPES:
        a = sample(dtype)
        np.save(at(f"types/{dtype}.npy"), a)
        np.save(at(f"types/{dtype}_big_fortran.npy"), np.asfortranarray(a.astype(a.dtype.newbyteorder(">"))))
    a = sample("f8")
    for version in (1, 2, 3):
        with open(at(f"version{version}.npy"), "wb") as f:
            npy.write_array(f, a, version=(version, 0))
    np.save(at("scalar.npy"), np.float64(2.5))
    np.save(at("empty.npy"), np.zeros((2, 0, 3)))
    np.savez(at("one.npz"), only=a)
    np.savez(at("two.npz"), a=a, **{"b/c": a.T})
    np.savez_compressed(at("packed.npz"), ones=np.ones((100, 100)), half=np.ones(3, "f2"))


def refused():
    a = sample("f8")
    np.save(at("refused/records.npy"), np.zeros(2, [("x", "f8"), ("ö", "i4", (2,))]))
    np.save(at("refused/objects.npy"), np.array([1, None], object), allow_pickle=True)
    np.save(at("refused/text.npy"), np.array(["a", "bc"]))
    np.save(at("refused/bytes.npy"), np.array([b"a", b"bc"]))
    np.save(at("refused/raw.npy"), np.zeros(2, "V4"))
    np.save(at("refused/dates.npy"), np.array(["2020-01-01"], "M8[D]"))
    np.save(at("refused/longdouble.npy"), np.zeros(2, "g"))
    whole = open(at("version1.npy"), "rb").read()
    for name, data in [
        ("truncated", whole[:-5]),
        ("truncated_header", whole[:40]),
        ("no_data", whole[:128]),
        ("not_numpy", b"1.0 2.0\n"),
        ("nothing", b""),
        ("version9", whole[:6] + b"\x09\x00" + whole[8:]),
    ]:
        open(at(f"refused/{name}.npy"), "wb").write(data)
    for name, shape in [("huge", "(1099511627776,)"), ("overflow", "(4294967296, 4294967296, 4)"), ("rank", "(" + "1," * 65 + ")")]:
        text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
        text += " " * (-(len(text) + 11) % 64) + "\n"
        data = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + a.tobytes()
        open(at(f"refused/{name}.npy"), "wb").write(data)
    archive = open(at("packed.npz"), "rb").read()
    open(at("refused/truncated.npz"), "wb").write(archive[: len(archive) // 2])


def printed():
    rng = np.random.default_rng(7)
    normal = rng.standard_normal
    nan, inf = np.nan, np.inf
    cases = [
        np.array(True), np.array(-3), np.array(2.5), np.array(1e16), np.array(1e-5), np.array(-0.0), np.array(0.1, "f4"),
        np.array(1e6, "f4"), np.array(1000, "f2"), np.array(nan), np.array(-inf), np.array(1 + 2j), np.array(-1j),
        np.array(complex(-0.0, -0.0)), np.array(complex(nan, inf)), np.array(1e8 + 0.1j, "c8"), np.array(249260.18286132812),
        np.zeros((0,)), np.zeros((2, 0)), np.array([True, False]), np.array([[True], [False]]),
        np.arange(-5, 120, 25), np.arange(30, dtype="u1").reshape(2, 3, 5), np.array([2**64 - 1, 0], "u8"),
        np.arange(200, dtype="i8"), np.arange(1001), np.arange(1000).reshape(10, 100), np.arange(5000).reshape(5, 10, 100),
        np.arange(2000).reshape(1000, 2, 1) - 1000, np.ones((7,) * 4, "i4"), normal(5), normal((4, 3)), normal((12, 100)),
        normal(12).astype("f4"), normal(12).astype("f2"), normal(6) * 10.0 ** np.arange(-3, 3),
        rng.integers(0, 99, 12) / 8, np.array([1.0, 2.25, -0.0, 1e-4]), np.array([1e8, 1.0]), np.array([99999999.0, 9e5]),
        np.array([1.001953125, 2.0]), np.array([0.999999999, 1.0]), np.array([1e-300, 1e300]), np.array([5e-324]),
        np.array([1e6, 1], "f4"), np.array([379149.625, 1000], "f4"), np.array([999, 1], "f2"), np.array([1000, 1], "f2"),
        np.array([nan, inf, -inf]), np.array([nan]), np.array([inf, 1.5, -2]), np.array([nan, 1e10]), np.array([-inf, 0.25]),
        normal(4) + 1j * normal(4), np.array([1 + 2j, -1.5 - 0.25j]), np.array([1j, 1e10]), np.array([complex(nan, -inf), 1]),
        (normal((3, 2)) + 1j).astype("c8"), np.arange(12).reshape(2, 1, 6) * (1 - 1j),
        np.full((3, 40), 0.5), np.array([[[[[1.5]]]]]), (normal(1200) * 100).reshape(2, 600).astype("f4"),
    ]
    np.savez_compressed(at("printed.npz"), **{f"case{i:02}": a for i, a in enumerate(cases)})
    with open(at("printed.txt"), "w") as f:
        f.write(f"NumPy {np.__version__}\n")
        for i, a in enumerate(cases):
            f.write(f"# case{i:02} {a.dtype} {a.shape}\n{str(a)}\n")


if __name__ == "__main__":
    layouts()
    refused()
    printed()

"""Writes result_type.txt: NumPy's n-ary result_type of every set of the fourteen dtypes that NumPy and einfold share.

Character `mask` of the file is the result for the set of dtypes given by the bits of `mask`; a letter is the number of
a dtype in DTYPES. Made with NumPy 2.4.6."""
import random
import numpy as np

DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128".split()


def letter(mask):
    members = [d for k, d in enumerate(DTYPES) if mask >> k & 1]
    if not members:
        return "-"
    results = {np.result_type(*random.sample(members, len(members))).name for _ in range(4)}
    assert len(results) == 1, (members, results)
    return chr(ord("a") + DTYPES.index(results.pop()))


random.seed(1)
with open("result_type.txt", "w") as out:
    out.write("".join(letter(mask) for mask in range(1 << len(DTYPES))) + "\n")

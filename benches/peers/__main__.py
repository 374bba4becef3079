"""Grouped reductions, gathers, semirings and examples of the language: einfold and its peers, alternately in one run.

    cargo build --release -p einfold-benches --bin serve
    python benches/peers target/release/serve [--only REGEX] [--turns N] [--threads N]

The peers are numpy, pandas, numpy_groupies, numba, torch and jax, if installed. Prints the median time of einfold, its
ratio to that of the best peer (below 1 einfold is faster), the same ratio of the minimum times, which are less
sensitive to other load, and the medians of the peers. Peers and einfold make a new result in each round; work that a peer does
once (compilation, conversion to its own arrays) is not timed. Results are compared with each other.
"""

import argparse
import re

import gathers
import grouped
import numpy as np
import pointwise
import products
from common import Served, timed, torch


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
    for part in (grouped.grouped, gathers.gathers, products.semirings, products.examples, pointwise.pointwise):
        part(served, options)


if __name__ == "__main__":
    main()

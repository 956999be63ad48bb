"""Exact Shapley values of a logistic model's probability, without going through the coalitions.

The output of a coalition is ``sigmoid(z + sum of its members' contributions)``. On the range that is reached the
sigmoid equals, to :data:`PRECISION`, a short Fourier series; a wave of a sum is a product of waves, and the Shapley
value of a product is an integral over a polynomial (Owen's multilinear extension), which Gauss-Legendre quadrature
solves exactly.
The work per row is ``features x waves x nodes``, where going through the coalitions needs ``2^features``.

References:
    Owen (1972), "Multilinear extensions of games", Management Science 18(5), 64-79.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]
#: Digits of the series, as the exponent of e: exp(-24) = 4e-11.
PRECISION = 24.0
#: So many rows x waves x features are worked on at a time: what fits into a processor's cache.
CELLS = 50_000
#: Beyond it the sigmoid is a step, and the series long: such rows are left to sampling.
WIDEST = 20_000.0


def sigmoid(margin: Matrix) -> Matrix:
    """The probability of a log-odds, computed without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(margin / 2)))


def reach(contributions: Matrix, margin: float) -> Vector:
    """The largest absolute log-odds over all coalitions of a row, shape ``(rows,)``."""
    high = margin + np.clip(contributions, 0, None).sum(axis=1)
    low = margin + np.clip(contributions, None, 0).sum(axis=1)
    return np.asarray(np.maximum(np.abs(high), np.abs(low)))


def shapley(contributions: Matrix, margin: float) -> Matrix:
    """Shapley values of ``sigmoid(margin + sum(contributions))``.

    Args:
        contributions: What each feature adds to the log-odds, shape ``(rows, features)``.
        margin: Log-odds of the baseline, to which nothing is added.

    Returns:
        Shape ``(rows, features)``; a row's values add up to ``sigmoid(margin + its sum) - sigmoid(margin)``.

    Raises:
        ValueError: A row reaches beyond :data:`WIDEST`.
    """
    if contributions.size == 0:
        return np.zeros_like(contributions)
    width = reach(contributions, margin)
    if width.max() > WIDEST:
        raise ValueError(f"a row's log-odds reach {width.max():g}, beyond {WIDEST:g}")
    found = np.empty_like(contributions)
    # A row's series is as long as its range is wide, so that one outlier must not lengthen all others'.
    sizes = np.ceil(2 * np.log2(np.maximum(width, 4.0)))
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        waves, weights = _series(float(2 ** (size / 2)))
        step = max(1, CELLS // (len(waves) * contributions.shape[1]))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            found[part] = _shapley(contributions[part], margin, waves, weights)
    return found


def _series(width: float) -> tuple[Vector, Vector]:
    """Waves and weights with ``sigmoid(z) = 1/2 + sum(weights * sin(waves * z))`` for ``|z| <= width``.

    It is the series of a periodic function that rises as the sigmoid does at 0 and falls back half a period later.
    """
    period = 2 * (width + PRECISION)
    last = math.ceil(PRECISION * period / (2 * math.pi**2))
    waves = 2 * np.pi * np.arange(1, last + 1, 2) / period
    return np.asarray(waves, np.float64), np.asarray(4 * np.pi / (period * np.sinh(np.pi * waves)), np.float64)


def _shapley(contributions: Matrix, margin: float, waves: Vector, weights: Vector) -> Matrix:
    # Features first: the products below run over them, and every step is then one pass over contiguous memory.
    turns = np.exp(1j * contributions.T[:, :, None] * waves)
    # The integrand is a polynomial of degree features - 1 in q, the share of the others that has joined already.
    nodes, shares = np.polynomial.legendre.leggauss((len(turns) + 1) // 2)
    total = np.zeros_like(turns)
    mirrored = np.zeros_like(turns)
    for node, share in zip(nodes, shares / 2, strict=True):
        if node > 0:
            # The products at 1 - q are those at q, conjugated and turned by all others.
            continue
        q = (node + 1) / 2
        products = _products_of_others((1 - q) + q * turns)
        products *= share
        total += products
        if node < 0:
            mirrored += products
    total += turns.prod(axis=0) * (turns * mirrored).conj()
    start = weights * np.exp(1j * margin * waves)
    return np.asarray(((turns - 1) * total * start).imag.sum(axis=2).T)


def _products_of_others(factors: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """For each feature the product of all other features' factors; a division would fail where a factor is 0."""
    products = np.empty_like(factors)
    running = np.ones_like(factors[0])
    for i in range(len(factors)):
        products[i] = running
        running *= factors[i]
    running[:] = 1
    for i in reversed(range(len(factors))):
        products[i] *= running
        running *= factors[i]
    return products

"""Records values of five distributions, and what numpy finds for each way of clipping them.

Run with numpy installed:
    python tests/record/clipping.py calibration/src/test/resources/clipping
The build does not run it; its output is in the repository.
"""
import json
import os
import sys

import numpy as np

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(20261121)
N = 4096
outliers = rng.normal(0, 1, N)
outliers[rng.choice(N, 6, replace=False)] = [40, -55, 60, -62.5, 71, 33]
data = {
    "gaussian": rng.normal(0.1, 1.7, N),
    "laplacian": rng.laplace(0, 0.6, N),
    "bimodal": np.where(rng.random(N) < 0.5, rng.normal(-4, 0.4, N), rng.normal(5, 0.8, N)),
    "constant": np.full(N, -2.7182818),
    "outliers": outliers,
}
data = {k: v.astype(np.float32) for k, v in data.items()}


def e4m3_magnitudes():
    """Every finite magnitude of E4M3, from its definition: 2^(e-7) (1 + m/8), and m/8 2^-6 below; S.1111.111 is NaN."""
    values = [m / 8 * 2.0**-6 for m in range(8)]
    values += [2.0 ** (e - 7) * (1 + m / 8) for e in range(1, 16) for m in range(8)]
    return np.array(values[:-1])


FORMATS = {"int8": np.arange(128.0), "fp8_e4m3": e4m3_magnitudes()}


def nearest(values, levels):
    """Ties go up, as only the centres of bins are rounded here."""
    middles = (levels[:-1] + levels[1:]) / 2
    return np.searchsorted(middles, values, side="right")


def divergence(p, q):
    """Kullback-Leibler's of counts that need not have equal sums (Csiszar's I-divergence)."""
    on = p > 0
    if (q[on] == 0).any():
        return np.inf
    return float((p[on] * np.log(p[on] / q[on])).sum() - p.sum() + q.sum()) / p.sum()


def search(x, grid):
    """The thresholds of least squared error and least divergence, by trying each one on the whole histogram."""
    magnitude = np.abs(x.astype(np.float64))
    top = magnitude.max()
    width = 2.0 ** (np.floor(np.log2(top)) - 11)
    used = int(top / width) + 1
    counts, _ = np.histogram(magnitude, bins=np.arange(used + 1) * width)
    assert counts.sum() == len(x)
    # numpy's last bin holds its right edge too; no value lies on it
    centres = np.arange(used) + 0.5
    representative = centres.copy()
    representative[-1] = top / width
    best = {"mse": (np.inf, None), "entropy": (np.inf, None)}
    for kept in range(128, used + 1):
        threshold = top / width if kept == used else float(kept)
        levels = grid * threshold / grid[-1]
        rounded = levels[np.minimum(nearest(representative, levels), len(levels) - 1)]
        error = float((counts * (representative - rounded) ** 2).sum())
        p = counts[:kept].astype(np.float64)
        group = nearest(centres[:kept], levels)
        mass = np.bincount(group, weights=p, minlength=len(levels))
        filled = np.bincount(group, weights=p > 0, minlength=len(levels))
        q = np.where(p > 0, mass[group] / np.maximum(filled[group], 1), 0)
        p[-1] += counts[kept:].sum()
        for name, value in (("mse", error), ("entropy", divergence(p, q))):
            if value < best[name][0]:
                best[name] = (value, threshold * width)
    return {"mse": best["mse"][1], "entropy": best["entropy"][1]}, float(width), counts


def round_trip(x, scale, name):
    """fp32 arithmetic, ties to even."""
    y = (x / np.float32(scale)).astype(np.float32)
    if name == "int8":
        return np.clip(np.rint(y), -128, 127).astype(np.float32) * np.float32(scale)
    grid = e4m3_magnitudes()
    m = np.minimum(np.abs(y.astype(np.float64)), 448)
    at = np.searchsorted(grid, m)
    low, high = grid[np.maximum(at - 1, 0)], grid[at]
    take_high = np.where(m - low == high - m, at % 2 == 0, high - m < m - low)
    return (np.sign(y) * np.where(take_high, high, low)).astype(np.float32) * np.float32(scale)


expected = {}
for name, x in data.items():
    row = expected[name] = {"min": float(x.min()), "max": float(x.max())}
    for format, grid in FORMATS.items():
        searched, width, counts = search(x, grid)
        row["width"] = width
        row["bins"] = counts.tolist() if name == "bimodal" else []
        thresholds = {"minmax": float(np.abs(x).max()), **searched}
        for percent in (99.0, 99.9):
            # the smallest value that at least so many do not exceed, then the edge of its bin
            value = np.sort(np.abs(x))[int(np.ceil(percent / 100 * len(x))) - 1]
            thresholds[f"percentile:{percent}"] = min(
                thresholds["minmax"], float((np.floor(value / width) + 1) * width))
        row[format] = {}
        for method, threshold in thresholds.items():
            scale = np.float32(threshold / grid[-1])
            error = float(((round_trip(x, scale, format) - x).astype(np.float64) ** 2).mean())
            row[format][method] = {"threshold": threshold, "scale": float(scale), "mse": error}
        # least error on the values themselves, without a histogram
        tried = np.linspace(0.02, 1, 1500) * np.abs(x).max()
        errors = [((round_trip(x, np.float32(t / grid[-1]), format) - x).astype(np.float64) ** 2).mean() for t in tried]
        row[format]["least_mse"] = float(np.min(errors))

codes = {}
probe = np.concatenate([
    np.array([0, 2**-10, 2**-9, 3 * 2**-10, 2**-6, 0.3, 1, 1.0625, 1.1875, -17, 240, 447, 448, 464, 1e9, -1e9, 1e-30]),
    rng.normal(0, 60, 60)]).astype(np.float32)
codes["x"] = probe.tolist()
codes["int8"] = round_trip(probe, 0.75, "int8").tolist()
codes["fp8_e4m3"] = round_trip(probe, 1.0, "fp8_e4m3").tolist()

# A layer with a few large channels: smoothing factors, the error of the output for each alpha, and the correction of the bias.
rows, cin, cout = 48, 24, 16
layer_x = rng.normal(0.2, 1, (rows, cin)) * np.where(np.arange(cin) % 9 == 0, 25, 1)
layer_w = rng.normal(0, 0.1, (cout, cin))
layer_x, layer_w = layer_x.astype(np.float32), layer_w.astype(np.float32)


def smoothed_error(s):
    x = (layer_x / s).astype(np.float32)
    w = (layer_w * s).astype(np.float32)
    xq = round_trip(x, np.float32(np.abs(x).max() / 127), "int8").astype(np.float64)
    wq = np.stack([round_trip(r, np.float32(np.abs(r).max() / 127), "int8") for r in w]).astype(np.float64)
    exact = layer_x.astype(np.float64) @ layer_w.astype(np.float64).T
    return float(((xq @ wq.T - exact) ** 2).sum() / (exact**2).sum()), wq


layer = {"none": smoothed_error(np.ones(cin, np.float32))[0], "alphas": []}
for i in range(11):
    alpha = i / 10
    s = (np.abs(layer_x).max(0).astype(np.float64) ** alpha / np.abs(layer_w).max(0).astype(np.float64) ** (1 - alpha))
    layer["alphas"].append(smoothed_error(s.astype(np.float32))[0])
    if i == 5:
        layer["factors_at_half"] = s.astype(np.float32).tolist()
wq = smoothed_error(np.ones(cin, np.float32))[1]
layer["bias_correction"] = ((layer_w.astype(np.float64) - wq) @ layer_x.astype(np.float64).mean(0)).tolist()
expected_all = {"distributions": expected, "round_trips": codes, "layer": layer, "numpy": np.__version__}
np.savez_compressed(os.path.join(out, "values.npz"), layer_x=layer_x, layer_w=layer_w, **data)
with open(os.path.join(out, "expected.json"), "w") as f:
    json.dump(expected_all, f, indent=1)
    f.write("\n")
for name, row in expected.items():
    for format in FORMATS:
        print(name, format, {k: (round(v["threshold"], 4), v["mse"]) if isinstance(v, dict) else v for k, v in row[format].items()})
print({k: v for k, v in layer.items() if k in ("none", "alphas")})

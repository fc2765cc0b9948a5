"""Records small inputs of `maskrt evaluate` and the metrics that numpy and scipy compute of them.

Run with numpy and scipy installed:
    python tests/record/metrics.py perf/src/test/resources/metrics
The build does not run it; its output is in the repository.
"""
import json
import os
import sys

import numpy as np
import scipy.linalg
import scipy.ndimage

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(7)
expected = {}


def normals(features):
    return features.astype(np.float64).mean(0), np.cov(features.astype(np.float64), rowvar=False)


def frechet(a, b):
    (mu1, s1), (mu2, s2) = a, b
    root = scipy.linalg.sqrtm(s1 @ s2)
    return float(((mu1 - mu2) ** 2).sum() + np.trace(s1) + np.trace(s2) - 2 * np.trace(root).real)


def frechet_singular(a, b):
    """The same where a covariance is singular, for which sqrtm does not answer: the root of a symmetric product."""
    (mu1, s1), (mu2, s2) = a, b
    w, v = np.linalg.eigh(s1)
    half = v * np.sqrt(np.maximum(w, 0)) @ v.T
    w = np.linalg.eigvalsh(half @ s2 @ half)
    return float(((mu1 - mu2) ** 2).sum() + np.trace(s1 + s2) - 2 * np.sqrt(np.maximum(w, 0)).sum())


def inception_score(p, split=5000):
    scores = []
    for i in range(0, len(p), split):
        part = p[i : i + split].astype(np.float64)
        kl = part * (np.log(part) - np.log(part.mean(0, keepdims=True)))
        scores.append(np.exp(kl.sum(1).mean()))
    return float(np.mean(scores))


def squared(a, b):
    return ((a.astype(np.float64)[:, None] - b.astype(np.float64)[None]) ** 2).sum(-1)


def precision_recall(ref, sam, k=3):
    r_ref = np.sort(squared(ref, ref), 1)[:, k]
    r_sam = np.sort(squared(sam, sam), 1)[:, k]
    d = squared(ref, sam)
    return float((d <= r_ref[:, None]).any(0).mean()), float((d <= r_sam[None]).any(1).mean())


def softmax(x):
    e = np.exp(x.astype(np.float64) - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


# features as they are
def features(n, shift, mix):
    return {
        "pool": (np.maximum(rng.normal(size=(n, 6)) @ mix + shift, 0)).astype(np.float32),
        "spatial": rng.normal(shift, 1, size=(n, 5)).astype(np.float32),
        "logits": rng.normal(0, 2, size=(n, 7)).astype(np.float32),
    }


mix = rng.normal(size=(6, 6))
reference, samples = features(60, 1.0, mix), features(45, 1.4, mix * 0.8)
np.savez(f"{out}/reference_features.npz", **reference)
np.savez_compressed(f"{out}/sample_features.npz", **samples)
precision, recall = precision_recall(reference["pool"], samples["pool"])
expected["features"] = {
    "fid": frechet(normals(reference["pool"]), normals(samples["pool"])),
    "sfid": frechet(normals(reference["spatial"]), normals(samples["spatial"])),
    "inception_score": inception_score(softmax(samples["logits"])),
    "precision": precision,
    "recall": recall,
}

# statistics instead of the reference, as ADM publishes them
mu, sigma = normals(reference["pool"])
mu_s, sigma_s = normals(reference["spatial"])
np.savez(f"{out}/statistics.npz", mu=mu, sigma=sigma, mu_s=mu_s, sigma_s=sigma_s)

# fewer rows than features: both covariances are singular
few = rng.normal(size=(5, 8)).astype(np.float32), (rng.normal(size=(4, 8)) * 2 + 1).astype(np.float32)
expected["singular"] = {
    "first": few[0].tolist(),
    "second": few[1].tolist(),
    "fid": frechet_singular(normals(few[0]), normals(few[1])),
}

# more than one split of the Inception Score
p = softmax(rng.normal(0, 1.5, size=(5003, 2))).astype(np.float32)
np.savez_compressed(f"{out}/probabilities.npz", probabilities=p)
expected["splits"] = {"inception_score": inception_score(p)}

# pictures, and a network that is as small as can be
N, H, W = 12, 16, 20


def pictures(noise):
    y, x = np.mgrid[0:H, 0:W]
    waves = [127 + 100 * np.sin(x / (2 + i) + y / (3 + c) + i) for i in range(N) for c in range(3)]
    base = np.stack(waves).reshape(N, 3, H, W).transpose(0, 2, 3, 1)
    return np.clip(base + rng.normal(0, noise, size=base.shape), 0, 255).astype(np.uint8)


a, b = pictures(8), pictures(25)
np.savez(f"{out}/reference_pictures.npz", a, np.arange(N))
np.savez(f"{out}/sample_pictures.npz", b, np.arange(N))


def ssim(x, y):
    x, y = x.astype(np.float64), y.astype(np.float64)

    def blur(z):
        full = scipy.ndimage.gaussian_filter(z, 1.5, truncate=3.5, axes=(0, 1))
        return full[5:-5, 5:-5]

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    return float(((2 * mx * my + c1) * (2 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))).mean())


def psnr(x, y):
    return float(10 * np.log10(255.0**2 / ((x.astype(np.float64) - y) ** 2).mean()))


conv = rng.normal(0, 0.01, size=(8, 3, 4, 4)).astype(np.float32)
head = rng.normal(size=(8, 5)).astype(np.float32)
encoder = rng.normal(size=(3, 4)).astype(np.float32)
distance = rng.uniform(size=(3,)).astype(np.float32)
np.savez(f"{out}/network.npz", conv=conv, head=head, encoder=encoder, distance=distance)


def network(x):
    """Non-overlapping patches, a linear map, ReLU; the mean over places; a linear map."""
    patches = x.astype(np.float64).reshape(N, H // 4, 4, W // 4, 4, 3)
    spatial = np.maximum(np.einsum("nyixjc,ocij->noyx", patches, conv), 0)
    pool = spatial.mean((2, 3))
    return pool, spatial[:, :7].transpose(0, 2, 3, 1).reshape(N, -1), softmax(pool @ head)


def encode(x):
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return ((x / 255 - mean) / std).mean((1, 2)) @ encoder


def cosine(x, y):
    return (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)


(pool_a, spatial_a, _), (pool_b, spatial_b, p_b) = network(a), network(b)
precision, recall = precision_recall(pool_a, pool_b)
expected["pictures"] = {
    "fid": frechet_singular(normals(pool_a), normals(pool_b)),
    "sfid": frechet_singular(normals(spatial_a), normals(spatial_b)),
    "inception_score": inception_score(p_b),
    "precision": precision,
    "recall": recall,
    "ssim": float(np.mean([ssim(x, y) for x, y in zip(a, b)])),
    "psnr": float(np.mean([psnr(x, y) for x, y in zip(a, b)])),
    "lpips": float(((np.abs(a / 127.5 - b / 127.5) * distance).mean((1, 2)).sum(1)).mean()),
    "dino": float(cosine(encode(a), encode(b)).mean()),
}
expected["versions"] = {"numpy": np.__version__, "scipy": scipy.__version__}

with open(f"{out}/expected.json", "w") as f:
    json.dump(expected, f, indent=1)
    f.write("\n")

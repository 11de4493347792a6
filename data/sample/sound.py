# SPDX-License-Identifier: Apache-2.0
"""The sample clip's sound: wind, birds, and the balloons' burners."""
import wave

import numpy as np

RATE = 48000


def band(rng, n, low, high):
  """Noise between two frequencies, peak 1."""
  spectrum = np.fft.rfft(rng.standard_normal(n))
  f = np.fft.rfftfreq(n, 1 / RATE)
  spectrum *= (f > low) & (f < high)
  spectrum /= np.sqrt(np.maximum(f, low))
  out = np.fft.irfft(spectrum, n)
  return out / np.abs(out).max()


def write(path, seconds, near, far):
  """near, far: (start, end) in seconds of the burners of the near and the far balloon."""
  rng = np.random.default_rng(11)
  n = int(seconds * RATE)
  t = np.arange(n) / RATE
  left = 0.16 * band(rng, n, 60, 500) * (0.7 + 0.3 * np.sin(1.1 * t))
  right = 0.16 * band(rng, n, 60, 500) * (0.7 + 0.3 * np.sin(1.1 * t + 1))
  for bursts, loud, pan in ((near, 0.42, 0.4), (far, 0.14, 0.6)):
    roar = band(rng, n, 90, 2600)
    shape = np.zeros(n)
    for start, end in bursts:
      shape = np.maximum(shape, np.clip(np.minimum((t - start) / 0.10, (end - t) / 0.30), 0, 1))
    left += loud * 2 * (1 - pan) * roar * shape
    right += loud * 2 * pan * roar * shape
  for _ in range(9):
    start, pitch, pan = rng.uniform(0.1, seconds - 0.5), rng.uniform(2600, 4600), rng.random()
    for chirp in range(rng.integers(1, 4)):
      u = t - start - 0.11 * chirp
      tone = np.sin(2 * np.pi * (pitch * u + 3500 * u * u)) * np.exp(-(((u - 0.04) / 0.018) ** 2))
      left += 0.05 * (1 - pan) * tone
      right += 0.05 * pan * tone
  fade = np.clip(np.minimum(t / 0.05, (seconds - t) / 0.15), 0, 1)
  samples = np.stack([left * fade, right * fade], 1)
  with wave.open(path, 'wb') as f:
    f.setnchannels(2)
    f.setsampwidth(2)
    f.setframerate(RATE)
    f.writeframes((np.clip(samples, -1, 1) * 32000).astype('<i2').tobytes())

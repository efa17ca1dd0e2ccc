"""Classify pictures with an exported ONNX file: Pillow, NumPy, ONNX Runtime; no TensorFlow.

python docs/predict_onnx.py exports/vgg16_onnx picture.jpeg another.png
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

folder, *paths = map(Path, sys.argv[1:])
facts = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
if facts["equalize"] != "none" or facts["encoding"] != "png":
    sys.exit(f"{folder}: equalise and compress the squares as README.md says")
session = onnxruntime.InferenceSession(folder / "model.onnx")
size, lanczos = (facts["side"], facts["side"]), Image.Resampling.LANCZOS
print("path", "label", *(f"p_{name}" for name in facts["classes"]), sep=",")
for path in paths:
    picture = ImageOps.exif_transpose(Image.open(path)).convert(facts["mode"])
    picture = picture.convert("L" if facts["channels"] == 1 else "RGB")
    if facts["fit"] == "stretch":
        square = picture.resize(size, lanczos)
    elif facts["fit"] == "crop":
        square = ImageOps.fit(picture, size, lanczos)
    else:  # pad_black or pad_white
        square = ImageOps.pad(picture, size, lanczos, color=facts["fit"].removeprefix("pad_"))
    pixels = np.asarray(square, np.float32).reshape(1, *size, facts["channels"])
    (probabilities,) = session.run(["probabilities"], {"picture": pixels})[0]
    label = facts["classes"][probabilities.argmax()]
    print(path, label, *(f"{p:.6g}" for p in probabilities), sep=",")

"""Bakeoff: which pretrained backbone, if any, beats a random forest on your pictures?"""

import os

# TensorFlow reads this when it is imported. Its errors reach Python as exceptions; what it logs
# by itself is the absence of a GPU, once for each stage.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Linear algebra runs on one thread: the last bits of its sums depend on how many there are. The
# libraries read this when they are loaded. A limit set later holds for the whole process, and a
# thread other than the one that set it first cannot change it.
for _library in ("OPENBLAS", "MKL"):
    os.environ[f"{_library}_NUM_THREADS"] = "1"
os.environ["VECLIB_MAXIMUM_THREADS"] = "1"

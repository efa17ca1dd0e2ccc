"""Bakeoff: which pretrained backbone, if any, beats a random forest on your pictures?"""

import os

# TensorFlow reads this when it is imported. Its errors reach Python as exceptions; what it logs
# by itself is the absence of a GPU, once for each stage.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

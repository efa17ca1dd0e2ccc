"""TensorFlow's import: silent, and without packages that are hidden from Keras."""

import subprocess
import sys

PROGRAM = """
import sys
from bakeoff.runtime.tf import keras, tf
assert "sklearn" not in sys.modules and "matplotlib.pyplot" not in sys.modules
import matplotlib.pyplot, sklearn.base
print(int(tf.reduce_sum(keras.ops.ones(3))))
"""


def test_the_import_is_silent_and_hides_packages_from_keras_alone() -> None:
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "3\n", done.stderr
    assert "cuda" not in done.stderr.lower()

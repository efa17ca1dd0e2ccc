"""`params.yaml` and `datasets/*.yaml`, validated once into frozen models.

This package alone reads YAML. Each module knows the blocks of one half of the pipeline, so that
a stage depends on the blocks it reads and on no others.
"""

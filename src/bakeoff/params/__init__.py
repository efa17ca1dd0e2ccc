"""`params.yaml` and `datasets/*.yaml`, validated once into frozen models.

Only this package reads YAML. Each module contains the blocks of one part of the pipeline, so that a
stage depends only on the blocks it reads.
"""

"""Searching hyper-parameters: trials on the training side, judged on the validation side.

`found` alone is needed to use what a search found; it imports nothing slow.
"""

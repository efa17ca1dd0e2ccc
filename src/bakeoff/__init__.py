"""Bakeoff: which pretrained backbone, if any, beats a random forest on your pictures?"""

"""Pretrained backbones, their frozen features, heads, fine-tuning and networks from scratch."""

"""One rule of decoding and squaring a picture, for training and serving."""

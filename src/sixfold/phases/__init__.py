"""The four phases of the paper, in the order a request meets them; `sixfold.pipeline` composes them."""

"""Evaluation, in the field's words.

A *benchmark* is a set of *samples*; a *solver* turns a sample's request into a product; a *scorer* looks at the product
from outside; *metrics* sum scores up, with intervals; the *eval log* is a folder of plain files in which an
interrupted evaluation goes on where it stopped. An *experiment* compares solvers on the same samples.
"""

"""The report: one self-contained HTML page about a run, made from its event log alone."""

from sixfold.interfaces.report.page import render

__all__ = ["render"]

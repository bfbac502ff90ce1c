"""The values of options that have a fixed set of them."""

from __future__ import annotations

from enum import StrEnum


class Clarify(StrEnum):
    """`--clarify`."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Unanswered(StrEnum):
    """`--unanswered`."""

    WAIT = "wait"
    DEFER = "defer"
    DEFAULT = "default"


class PlanMode(StrEnum):
    """`--plan`."""

    AUTO = "auto"
    DIRECT = "direct"
    STATIC = "static"


class Until(StrEnum):
    """`--until`."""

    PLAN = "plan"


class Review(StrEnum):
    """`--review`."""

    RISKY = "risky"
    ALL = "all"
    NONE = "none"


class Format(StrEnum):
    """`export --format`."""

    HTML = "html"
    JUNIT = "junit"
    SARIF = "sarif"
    AUDIT = "audit"
    SPEC_KIT = "spec-kit"
    KIRO = "kiro"
    SBOM = "sbom"
    PROVENANCE = "provenance"
    MATRIX = "matrix"
    SUMMARY = "summary"
    COVERAGE = "coverage"

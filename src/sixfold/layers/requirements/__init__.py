"""Layer 1 of 6: requirements & user.

Reads what came with a request, decides whether it must be clarified, drafts the specification with its few questions
and its assumption ledger, and folds the answers in.
"""

"""Layer 3 of 6: planning & reasoning.

Turns a specification into a validated task graph, says which tasks may run now, and packs what each of them needs
to see.
"""

"""The program that runs beside the guests, in the sandbox. Standard library only; nothing here is imported by Sixfold.

It is started as `python -I -S -c START FOLDER CONFIG`, with this folder below that path, so that nothing else of
Sixfold needs to be visible inside. `supervisor` serves a workspace, `keeper` one command, `batch` many small ones.
"""

"""Scripted doubles of every port: product code that fails loudly when its script ends."""

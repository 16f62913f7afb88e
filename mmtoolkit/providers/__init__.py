"""Whoever computes vectors, behind one base class: services behind a queue, the offline model, functions of your own."""

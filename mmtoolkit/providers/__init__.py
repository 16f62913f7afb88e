"""Providers compute vectors. All have one base class: services behind a queue, the offline model, your own functions."""

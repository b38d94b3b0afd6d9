"""Answers out: what a request is, the models that answer, why, and rows by the file.

Imports data, models and the rooms below them.
"""

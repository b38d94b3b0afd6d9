"""A model as a folder: featuriser, estimator, intervals, and the search for its settings.

Imports contract, engine, estimators and the ground.
"""

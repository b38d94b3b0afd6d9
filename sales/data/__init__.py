"""Rows in: made or read, held against the contract, split. Imports contract, engine and the ground.

Of judging it imports the charts alone.
"""

"""What a row is, and rows held against it. Imports the ground only."""

from sales.contract.definition import Called, Column, Contract, Rule

__all__ = ["Called", "Column", "Contract", "Rule"]

"""What a row is, and rows held against it. Imports the ground only."""

from sales.contract.column import Column
from sales.contract.definition import Called, Contract, Rule

__all__ = ["Called", "Column", "Contract", "Rule"]

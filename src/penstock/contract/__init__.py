"""Data contracts: Open Data Contract Standard files to values and back, and what a change of one means to readers."""

from penstock.contract.compatibility import ContractChange, Effect, compare
from penstock.contract.reading import read_contract
from penstock.contract.writing import write_contract

__all__ = ["ContractChange", "Effect", "compare", "read_contract", "write_contract"]

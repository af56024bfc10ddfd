//! Connection pools, transactions, list grammar, visibility, database errors as faults.

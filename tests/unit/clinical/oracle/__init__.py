"""A second reading of the clinical reference: written from its text alone, without a look at the product's editions.

An oracle takes a case as the contract writes it (a dict) and answers ``(rule_id, management, category, interval, lead)``.
It is short and slow on purpose, and shares no code with the product: where both agree, two readers agree.
"""

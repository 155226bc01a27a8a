"""A second reading of the clinical reference: written from its text alone, without a look at the product's editions.

An oracle takes a case as the contract writes it (a dict) and answers with rule id, management, category,
interval and lead. It is short and slow on purpose, and shares no code with the product: where both agree,
two readers agree. Where the text is silent it follows the product's choice.
"""

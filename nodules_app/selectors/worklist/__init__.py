"""Who waits for what: the lists, finding somebody, and the rows as the page shows them."""

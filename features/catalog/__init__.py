"""Which features there are: declarations, families and the catalog in the order in which a model reads them."""

"""Evidence in words: one table of sentences, in English and Chinese, and what chooses among them."""

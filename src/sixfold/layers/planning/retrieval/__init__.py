"""Looking things up in a tree: symbols, imports, text. Adapter of the `Retriever` port."""

"""Database performance as assertions: budgets for queries, connections and thread hops in Django tests."""

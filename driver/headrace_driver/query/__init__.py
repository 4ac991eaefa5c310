"""The way of a query: parsed plan, analysis, optimizer, stages on the cluster, rows back to the client."""

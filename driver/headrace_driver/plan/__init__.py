"""Planning: logical plans, analysis, optimisation, physical plans, and their cut into stages."""

"""Physical plans: operators that say where rows are, made step by step as real sizes become known."""

"""Whether programs finish when memory is far smaller than their data, and what that costs."""

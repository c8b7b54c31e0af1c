"""Golden texts, and the tests that hold renderings to them."""

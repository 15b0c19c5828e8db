package par

// Halve is halve, for tests.
func Halve[N any](trees []N) (given, kept []N) { return halve(trees) }

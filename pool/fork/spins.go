//go:build !explore

package fork

// joinSpins is how often a joiner looks before it parks: some 30 µs, because to park and to be
// unparked takes longer than the thief in a fine recursion needs to answer.
const joinSpins = 4000

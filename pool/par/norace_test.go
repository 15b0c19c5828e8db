//go:build !race

package par_test

const raced = false

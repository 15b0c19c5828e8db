//go:build !race

package sem

const race = false

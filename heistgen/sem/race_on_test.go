//go:build race

package sem

// race: closures that are inlined otherwise allocate.
const race = true

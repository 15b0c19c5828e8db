package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func Example() {
	main()
	// Output: hello, world
}

// What README quotes is this program.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	program, err := os.ReadFile("main.go")
	require.NoError(t, err)
	_, code, found := strings.Cut(string(program), "\npackage main\n")
	require.True(t, found)
	require.Contains(t, string(readme), "```go\npackage main\n"+code+"```\n")
}

package benchrow

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWriteFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "rows.json")
	ours := 1.5
	rows := []Row{{Name: "task/spawn", Unit: "ns/op", Better: "lower", Ours: &ours, Workers: 2}, {Name: "other", Error: "failed"}}
	require.NoError(t, WriteFile(name, rows))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	got, err := Read(bytes.NewReader(text))
	require.NoError(t, err)
	require.Equal(t, rows, got)

	require.NoError(t, WriteFile(name, nil))
	text, err = os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "[]\n", string(text))

	nan := math.NaN()
	require.ErrorContains(t, WriteFile(name, []Row{{Ratio: &nan}}), "benchrow: ")
}

func TestRead(t *testing.T) {
	rows, err := Read(strings.NewReader(`{"name": "a"} [{"name": "b"}, {"name": "c"}] {"name": "d"}`))
	require.NoError(t, err)
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
	}
	require.Equal(t, []string{"a", "b", "c", "d"}, names)

	for _, bad := range []string{`{"name": `, `[1]`, `"text"`, `{"name": 1}`} {
		_, err := Read(strings.NewReader(bad))
		require.ErrorContains(t, err, "benchrow: ", bad)
	}
}

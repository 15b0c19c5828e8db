package main

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
)

const text = "The café is the Café; x2y, x y: 0x2f, the\nend"

func TestCount(t *testing.T) {
	y := newTally()
	y.count([]byte(text))
	require.Equal(t, []counted{{"the", 3}, {"café", 2}, {"end", 1}, {"is", 1}, {"x2y", 1}}, y.top(pool.Default(), 10))
	require.Len(t, y.top(pool.Default(), 2), 2)
}

// forest is a tree of texts of all sizes.
func forest() fstest.MapFS {
	files := fstest.MapFS{}
	for i := range 100 {
		var b strings.Builder
		for j := range i * i % 97 {
			fmt.Fprintf(&b, "%c%c %s\n", 'a'+i%26, 'A'+j%26, text)
		}
		files[fmt.Sprintf("%d/%d", i%7, i)] = &fstest.MapFile{Data: []byte(b.String())}
	}
	return files
}

// plain counts in another way.
func plain(t *testing.T, tree fs.FS) map[string]int {
	counts := map[string]int{}
	run := regexp.MustCompile(`[\pL\d]+`)
	require.NoError(t, fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(tree, name)
		for _, w := range run.FindAllString(string(data), -1) {
			if len(w) > 1 && w[0] > '9' {
				counts[strings.ToLower(w)]++
			}
		}
		return err
	}))
	return counts
}

func TestWords(t *testing.T) {
	tree := forest()
	want := plain(t, tree)
	files, err := list(tree)
	require.NoError(t, err)
	require.Len(t, files, len(tree))
	for _, workers := range []int{1, 4} {
		p, err := pool.New(pool.Config{Workers: workers})
		require.NoError(t, err)
		got := count(p, tree, files)
		require.Empty(t, got.errs)
		require.Equal(t, want, maps.Collect(got.all()))
		require.NoError(t, p.Close())
	}
	for _, shares := range []int{1, 3, 1000} {
		require.Equal(t, want, maps.Collect(static(tree, files, shares).all()))
	}
}

// What cannot be read is reported, and the rest is counted.
func TestBroken(t *testing.T) {
	tree := forest()
	files, err := list(tree)
	require.NoError(t, err)
	gone := files[50].name
	delete(tree, gone)
	got := count(pool.Default(), tree, files)
	require.Len(t, got.errs, 1)
	require.ErrorIs(t, got.errs[0], fs.ErrNotExist)
	require.ErrorContains(t, got.errs[0], gone)
	require.Equal(t, plain(t, tree), maps.Collect(got.all()))
}

package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/heist-go/heist/pool"
)

// broken is a file system some files of which cannot be opened.
type broken struct{ fs.FS }

var errBroken = errors.New("broken")

func (b broken) Open(name string) (fs.File, error) {
	if strings.HasPrefix(path.Base(name), "broken") {
		return nil, errBroken
	}
	return b.FS.Open(name)
}

// forest is a tree that is deep, wide and uneven.
func forest() fstest.MapFS {
	files := fstest.MapFS{"empty": {Mode: fs.ModeDir | 0o755}, "link": {Mode: fs.ModeSymlink, Data: []byte("0/0")}}
	dir := "."
	for depth := range 12 {
		dir = path.Join(dir, fmt.Sprint(depth))
		for i := range depth * depth / 2 {
			name := path.Join(dir, fmt.Sprint(i))
			if i > depth {
				files[name] = &fstest.MapFile{Data: bytes.Repeat([]byte(name), 1+i*depth)}
			} else {
				files[name+".txt"] = &fstest.MapFile{Data: []byte(name)}
			}
		}
	}
	return files
}

// plain is what the program prints, made by a loop.
func plain(t testing.TB, files fs.FS) (lines string, total [sha256.Size]byte) {
	var b strings.Builder
	require.NoError(t, fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(data), name)
		return err
	}))
	return b.String(), sha256.Sum256([]byte(b.String()))
}

func TestHashTree(t *testing.T) {
	files := forest()
	want, wantTotal := plain(t, files)
	for _, workers := range []int{1, 4} {
		p, err := pool.New(pool.Config{Workers: workers})
		require.NoError(t, err)
		tr := &tree{files: files}
		tr.hash(p)
		var lines strings.Builder
		total, err := tr.report(&lines)
		require.NoError(t, err)
		require.Equal(t, want, lines.String())
		require.Equal(t, wantTotal, total)
		require.EqualValues(t, strings.Count(want, "\n"), tr.done.Load())
		require.NoError(t, p.Close())
	}
}

// What is broken is reported, all of it, and everything else is hashed.
func TestBroken(t *testing.T) {
	files := forest()
	want, wantTotal := plain(t, files)
	files["0/broken"] = &fstest.MapFile{}
	files["0/1/broken dir/file"] = &fstest.MapFile{}
	tr := &tree{files: broken{files}}
	tr.hash(pool.Default())
	var lines strings.Builder
	total, err := tr.report(&lines)
	require.ErrorIs(t, err, errBroken)
	require.Equal(t, 2, strings.Count(err.Error(), "hashtree: "))
	require.Equal(t, want, lines.String())
	require.Equal(t, wantTotal, total)
}

func TestWatch(t *testing.T) {
	// The first word of it comes after a while; a walk that is over by then is silent.
	for _, long := range []bool{false, true} {
		var tr tree
		tr.done.Store(7)
		tr.bytes.Store(5 << 20)
		var out bytes.Buffer
		stop := make(chan struct{})
		if long {
			go func() { <-time.After(watching + watching/2); close(stop) }()
		} else {
			close(stop)
		}
		tr.watch(&out, stop)
		if long {
			require.Equal(t, "\r7 files, 5 MB \n", out.String())
		} else {
			require.Empty(t, out.String())
		}
	}
}

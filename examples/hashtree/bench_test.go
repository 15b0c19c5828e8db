package main

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"go/build"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/heist-go/heist/pool"
)

// goroutines does what the program does as it is usually done: one goroutine walks, and
// starts another for each file, as many at a time as there are processors. It is what
// errgroup's SetLimit does, which is not a dependency of this module.
func goroutines(files fs.FS) (total [sha256.Size]byte, err error) {
	var (
		nodes []*node
		errs  []error
		wg    sync.WaitGroup
		limit = make(chan struct{}, runtime.NumCPU())
	)
	walked := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			errs = append(errs, err)
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		n := &node{path: name}
		nodes = append(nodes, n)
		limit <- struct{}{}
		wg.Go(func() {
			n.sum, _, n.err = sum(files, name)
			<-limit
		})
		return nil
	})
	wg.Wait()
	errs = append(errs, walked)
	h := sha256.New()
	w := bufio.NewWriter(h)
	for _, n := range nodes {
		if n.err != nil {
			errs = append(errs, n.err)
			continue
		}
		writeLine(w, n.sum, n.path)
	}
	errs = append(errs, w.Flush())
	h.Sum(total[:0])
	return total, errors.Join(errs...)
}

// BenchmarkHashTree hashes the tree that HEIST_TREE names, or the sources of Go, from the
// page cache.
func BenchmarkHashTree(b *testing.B) {
	root := os.Getenv("HEIST_TREE")
	if root == "" {
		root = filepath.Join(build.Default.GOROOT, "src")
	}
	files := os.DirFS(root)
	want, err := goroutines(files) // which also brings it into the cache
	if err != nil {
		b.Log(err) // the same for all
	}
	check := func(b *testing.B, got [sha256.Size]byte) {
		if got != want {
			b.Fatalf("the tree has changed, or somebody is wrong: %x, %x", got, want)
		}
	}
	var bytes int64
	b.Run("heist", func(b *testing.B) {
		p, err := pool.New(pool.Config{})
		if err != nil {
			b.Fatal(err)
		}
		defer p.Close()
		for b.Loop() {
			t := &tree{files: files}
			t.hash(p)
			total, _ := t.report(io.Discard)
			check(b, total)
			bytes = t.bytes.Load()
		}
		b.SetBytes(bytes)
	})
	b.Run("errgroup", func(b *testing.B) {
		for b.Loop() {
			total, _ := goroutines(files)
			check(b, total)
		}
		b.SetBytes(bytes)
	})
}

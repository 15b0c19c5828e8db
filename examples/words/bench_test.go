package main

import (
	"go/build"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/heist-go/heist/pool"
)

// static is what is written by hand: the files are cut into shares of as many bytes, and a
// goroutine counts each; then each merges as many of the shards.
func static(tree fs.FS, files []file, shares int) *tally {
	var all int64
	for _, f := range files {
		all += f.size
	}
	tallies := make([]*tally, shares)
	var wg sync.WaitGroup
	var cut int64
	for i := range tallies {
		end := 0
		for ; end < len(files) && (cut < all*int64(i+1)/int64(shares) || i == shares-1); end++ {
			cut += files[end].size
		}
		share := files[:end]
		files = files[end:]
		wg.Go(func() {
			t := newTally()
			for _, f := range share {
				t.add(tree, f.name)
			}
			tallies[i] = t
		})
	}
	wg.Wait()
	total := newTally()
	for i := range shares {
		wg.Go(func() {
			for shard := i; shard < shards; shard += shares {
				total.merge(tallies, shard)
			}
		})
	}
	wg.Wait()
	return total
}

// BenchmarkWords counts the words of the tree that HEIST_TREE names, or of the sources of
// Go, from the page cache.
func BenchmarkWords(b *testing.B) {
	root := os.Getenv("HEIST_TREE")
	if root == "" {
		root = filepath.Join(build.Default.GOROOT, "src")
	}
	tree := os.DirFS(root)
	files, err := list(tree)
	if err != nil {
		b.Log(err)
	}
	var bytes int64
	for _, f := range files {
		bytes += f.size
	}
	want := maps.Collect(static(tree, files, runtime.NumCPU()).all()) // which also brings it into the cache
	bench := func(b *testing.B, count func() *tally) {
		b.SetBytes(bytes)
		var got *tally
		for b.Loop() {
			got = count()
		}
		if found := maps.Collect(got.all()); !maps.Equal(found, want) {
			b.Fatalf("%d words are not the %d counted by shares", len(found), len(want))
		}
	}
	b.Run("heist", func(b *testing.B) {
		p, err := pool.New(pool.Config{})
		if err != nil {
			b.Fatal(err)
		}
		defer p.Close()
		bench(b, func() *tally { return count(p, tree, files) })
	})
	b.Run("static", func(b *testing.B) {
		bench(b, func() *tally { return static(tree, files, runtime.NumCPU()) })
	})
}

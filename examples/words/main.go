// Command words counts the words of a tree of files, and prints the most frequent ones.
//
//	go run ./examples/words -root . -top 20
//
// A word has at least two letters, or digits behind the first; small and capital ones are
// the same.
package main

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"go/build"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
)

// file is one of those whose words are counted.
type file struct {
	name string
	size int64
}

// list returns the files of a tree, and what could not be listed.
func list(tree fs.FS) (found []file, err error) {
	var errs []error
	errs = append(errs, fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var info fs.FileInfo
			if info, err = d.Info(); err == nil {
				found = append(found, file{name, info.Size()})
			}
		}
		if err != nil {
			errs = append(errs, err)
		}
		return nil
	}))
	return found, errors.Join(errs...)
}

// shards are what a tally is cut into, so that several threads can merge tallies.
const shards = 64

// tally is what was counted in some of the files. It belongs to one thread at a time.
type tally struct {
	counts [shards]map[string]*int // pointers: then only a new word costs memory
	errs   []error
	text   bytes.Buffer // of a file; kept for the next
}

func newTally() *tally {
	t := new(tally)
	for i := range t.counts {
		t.counts[i] = map[string]*int{}
	}
	return t
}

// add counts the words of a file.
func (t *tally) add(tree fs.FS, name string) {
	f, err := tree.Open(name)
	if err != nil {
		t.errs = append(t.errs, err)
		return
	}
	defer f.Close()
	t.text.Reset()
	if _, err := t.text.ReadFrom(f); err != nil {
		t.errs = append(t.errs, err)
		return
	}
	t.count(t.text.Bytes())
}

// kinds are what the bytes of a word may be: for a letter of ASCII the small one, and
// themselves for digits and all bytes of other characters. Others are 0.
var kinds = func() (small [256]byte) {
	for c := range small {
		switch {
		case 'A' <= c && c <= 'Z':
			small[c] = byte(c) + 'a' - 'A'
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c >= 0x80:
			small[c] = byte(c)
		}
	}
	return small
}()

// count counts the words of a text, which it changes.
func (t *tally) count(text []byte) {
	for i := 0; i < len(text); i++ {
		start := i
		for ; i < len(text) && kinds[text[i]] != 0; i++ {
			text[i] = kinds[text[i]]
		}
		if i-start > 1 && text[start] > '9' {
			t.word(text[start:i])
		}
	}
}

func (t *tally) word(w []byte) {
	counts := t.counts[(int(w[0])*7+int(w[1])*3+len(w))%shards]
	if p := counts[string(w)]; p != nil { // allocates nothing
		*p++
		return
	}
	n := 1
	counts[string(w)] = &n
}

// merge adds what others have counted, of one shard.
func (t *tally) merge(others []*tally, shard int) {
	for _, u := range others {
		if len(t.counts[shard]) < len(u.counts[shard]) {
			t.counts[shard], u.counts[shard] = u.counts[shard], t.counts[shard] // the smaller one is gone through
		}
		for w, n := range u.counts[shard] {
			if p := t.counts[shard][w]; p != nil {
				*p += *n
			} else {
				t.counts[shard][w] = n
			}
		}
	}
}

// count maps and reduces. Each thread that takes part has a tally, to which it adds the
// words of whatever files it comes by; then each of the shards is merged. Both are parallel
// loops, which nobody has cut: files and shards are of any size.
func count(p *pool.Pool, tree fs.FS, files []file) *tally {
	tallies := pool.NewLocal(p, newTally)
	par.ForScope(p, len(files), func(s pool.Scope, i int) {
		(*tallies.In(s)).add(tree, files[i].name)
	})
	total := newTally()
	var parts []*tally
	for t := range tallies.All() {
		parts = append(parts, *t)
		total.errs = append(total.errs, (*t).errs...)
	}
	par.For(p, shards, func(shard int) { total.merge(parts, shard) })
	return total
}

// all yields the words, and how often each was found.
func (t *tally) all() iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for _, counts := range t.counts {
			for w, n := range counts {
				if !yield(w, *n) {
					return
				}
			}
		}
	}
}

// counted is a word and how often it was found.
type counted struct {
	word string
	n    int
}

// top returns the n most frequent words; of equal ones the first in the alphabet.
func (t *tally) top(p *pool.Pool, n int) []counted {
	var all []counted
	for w, n := range t.all() {
		all = append(all, counted{w, n})
	}
	par.SortFunc(p, all, func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.word, b.word))
	})
	return all[:min(n, len(all))]
}

func run() error {
	root := flag.String("root", filepath.Join(build.Default.GOROOT, "src"), "the tree")
	most := flag.Int("top", 20, "how many words to print")
	flag.Parse()
	p := pool.Default()
	tree := os.DirFS(*root)
	files, unlisted := list(tree)
	start := time.Now()
	t := count(p, tree, files)
	took := time.Since(start)
	words, different := 0, 0
	for _, n := range t.all() {
		words += n
		different++
	}
	for i, c := range t.top(p, *most) {
		fmt.Printf("%3d. %-16s %9d\n", i+1, c.word, c.n)
	}
	fmt.Printf("%s: %d files, %d words, %d of them different, %v\n", *root, len(files), words, different, took.Round(time.Millisecond))
	return errors.Join(append(t.errs, unlisted)...)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "words:", err)
		os.Exit(1)
	}
}

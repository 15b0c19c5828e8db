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

// tally is what was counted in some of the files. It belongs to one thread at a time.
type tally struct {
	counts map[string]*int // pointers: then only a new word costs memory
	errs   []error
	text   bytes.Buffer // of a file; kept for the next
}

func newTally() *tally { return &tally{counts: map[string]*int{}} }

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
	if p := t.counts[string(w)]; p != nil { // allocates nothing
		*p++
		return
	}
	n := 1
	t.counts[string(w)] = &n
}

// merge returns what two have counted. It goes through the smaller one.
func (t *tally) merge(u *tally) *tally {
	if len(t.counts) < len(u.counts) {
		t, u = u, t
	}
	for w, n := range u.counts {
		if p := t.counts[w]; p != nil {
			*p += *n
		} else {
			t.counts[w] = n
		}
	}
	t.errs = append(t.errs, u.errs...)
	return t
}

// count maps and reduces: a thread adds the words of file after file to a tally, and what
// is cut off for another one gets a tally of its own. As there are as many parts as takers,
// there are few to be merged.
func count(p *pool.Pool, tree fs.FS, files []file) *tally {
	return par.Fold(p, files, newTally,
		func(t *tally, f file) *tally { t.add(tree, f.name); return t },
		(*tally).merge)
}

// counted is a word and how often it was found.
type counted struct {
	word string
	n    int
}

// top returns the n most frequent words; of equal ones the first in the alphabet.
func (t *tally) top(p *pool.Pool, n int) []counted {
	all := make([]counted, 0, len(t.counts))
	for w, n := range t.counts {
		all = append(all, counted{w, *n})
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
	words := 0
	for _, n := range t.counts {
		words += *n
	}
	for i, c := range t.top(p, *most) {
		fmt.Printf("%3d. %-16s %9d\n", i+1, c.word, c.n)
	}
	fmt.Printf("%s: %d files, %d words, %d of them different, %v\n", *root, len(files), words, len(t.counts), took.Round(time.Millisecond))
	return errors.Join(append(t.errs, unlisted)...)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "words:", err)
		os.Exit(1)
	}
}

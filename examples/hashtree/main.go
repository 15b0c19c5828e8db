// Command hashtree prints the SHA-256 of a tree of files: of each one (with -l), and of all
// those lines together, in an order that does not depend on who was fast.
//
//	go run ./examples/hashtree -root . -l
//
// What cannot be read is reported, and does not stop the rest; the exit status tells.
package main

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"go/build"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/heist-go/heist/pool"
	"github.com/heist-go/heist/pool/par"
)

// node is a file or a directory. Its path is known from the start; the rest is written by
// whoever visits it, and read by nobody else before the walk is over.
type node struct {
	path     string
	dir      bool
	children []*node // of a directory, by name
	sum      [sha256.Size]byte
	err      error
}

// tree is a walk: to come, in progress, or its result.
type tree struct {
	files       fs.FS
	top         *node
	done, bytes atomic.Int64 // for those who watch
}

// hash walks and hashes. Both are one parallel loop: a directory is a node whose visit yields
// more nodes, and a file is one whose visit takes time. A worker without nodes is given half
// of somebody's list, so it does not matter that one directory has most of the tree, or one
// file most of the bytes.
//
// Reading a file blocks a thread that polls tasks otherwise. It may do so here: the walk
// begins on a goroutine, and no task of this program waits for its turn. A file of the page
// cache takes no longer than by task.Blocking, with a goroutine each; from a disk, which
// likes to be asked for several things at once, more workers than processors are as good as
// that, and a third faster than as many as processors: see -workers.
func (t *tree) hash(p *pool.Pool) {
	t.top = &node{path: ".", dir: true}
	par.Walk(p, t.top, t.visit) //heistvet:ignore blocking: no task of this program waits for its turn
}

func (t *tree) visit(n *node) []*node {
	if n.dir {
		n.children, n.err = list(t.files, n.path)
		return n.children
	}
	var size int64
	n.sum, size, n.err = sum(t.files, n.path)
	t.done.Add(1)
	t.bytes.Add(size)
	return nil
}

// list returns what is in a directory, by name: files and directories, nothing else.
func list(files fs.FS, dir string) (children []*node, err error) {
	entries, err := fs.ReadDir(files, dir)
	for _, e := range entries {
		if e.IsDir() || e.Type().IsRegular() {
			children = append(children, &node{path: path.Join(dir, e.Name()), dir: e.IsDir()})
		}
	}
	return children, err
}

// buffers are for reading files: one for each thread that does, more or less.
var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// sum hashes a file.
func sum(files fs.FS, name string) (s [sha256.Size]byte, size int64, err error) {
	f, err := files.Open(name)
	if err != nil {
		return s, 0, err
	}
	defer f.Close()
	buf := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(buf)
	h := sha256.New()
	size, err = io.CopyBuffer(h, struct{ io.Reader }{f}, buf[:]) // a file that is an io.WriterTo would not use buf
	h.Sum(s[:0])
	return s, size, err
}

// all yields the nodes in order: a directory, and then what is in it.
func (n *node) all() iter.Seq[*node] {
	return func(yield func(*node) bool) { n.each(yield) }
}

func (n *node) each(yield func(*node) bool) bool {
	if !yield(n) {
		return false
	}
	for _, c := range n.children {
		if !c.each(yield) {
			return false
		}
	}
	return true
}

// report writes a line for each file, as sha256sum does, and returns the hash of these lines
// and all that went wrong.
func (t *tree) report(lines io.Writer) (total [sha256.Size]byte, err error) {
	h := sha256.New()
	w := bufio.NewWriter(io.MultiWriter(h, lines))
	var errs []error
	for n := range t.top.all() {
		switch {
		case n.err != nil:
			errs = append(errs, fmt.Errorf("hashtree: %w", n.err))
		case !n.dir:
			writeLine(w, n.sum, n.path)
		}
	}
	errs = append(errs, w.Flush())
	h.Sum(total[:0])
	return total, errors.Join(errs...)
}

func writeLine(w *bufio.Writer, sum [sha256.Size]byte, name string) {
	fmt.Fprintf(w, "%x  %s\n", sum, name) // bufio keeps an error until Flush
}

const watching = 500 * time.Millisecond

// watch shows how far the walk is, now and then, until it is stopped. It is for a goroutine
// and not a task, because it writes to a terminal, which may block.
func (t *tree) watch(w io.Writer, stop <-chan struct{}) {
	tick := time.NewTicker(watching)
	defer tick.Stop()
	end := ""
	for {
		select {
		case <-tick.C:
			fmt.Fprintf(w, "\r%d files, %d MB ", t.done.Load(), t.bytes.Load()>>20)
			end = "\n"
		case <-stop:
			fmt.Fprint(w, end)
			return
		}
	}
}

func run() error {
	root := flag.String("root", filepath.Join(build.Default.GOROOT, "src"), "the tree")
	workers := flag.Int("workers", 0, "threads that read and hash; 0: as many as there are processors")
	lines := flag.Bool("l", false, "print a line for each file")
	flag.Parse()
	p, err := pool.New(pool.Config{Workers: *workers})
	if err != nil {
		return err
	}
	defer p.Close()

	t := &tree{files: os.DirFS(*root)}
	var watching sync.WaitGroup
	stop := make(chan struct{})
	watching.Go(func() { t.watch(os.Stderr, stop) })
	start := time.Now()
	t.hash(p)
	took := time.Since(start)
	close(stop)
	watching.Wait()

	out := io.Discard
	if *lines {
		out = os.Stdout
	}
	total, err := t.report(out)
	fmt.Printf("%x  %s: %d files, %d MB, %v\n", total, *root, t.done.Load(), t.bytes.Load()>>20, took.Round(time.Millisecond))
	return err
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
